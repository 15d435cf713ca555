/**
 * The host's side of the kernel: one instance of the WebAssembly module, and its memory.
 *
 * A slab's bytes go in once (`load`); every offset below is relative to the slab. Results are valid until the next call. Each
 * worker thread owns one instance.
 */
import { readFileSync } from 'node:fs';
import { assert } from '../base/assert.ts';

/** Why a body was refused before it was parsed, or that it has no such array. */
export type ScanProblem = 'not_found' | 'nesting_too_deep' | 'too_many_keys' | 'out_of_memory' | 'repeated';

const SCAN_PROBLEMS: readonly ScanProblem[] = ['not_found', 'nesting_too_deep', 'too_many_keys', 'out_of_memory', 'repeated'];
/** Room behind the slab for member names and for texts to hash. */
const SCRATCH_BYTES = 64 * 1024;
/** Above this the instance is thrown away after a slab, since WebAssembly memory never shrinks. */
const MEMORY_BYTES_KEPT_MAX = 64 * 1024 * 1024;

/** 128 bits as four little-endian words: the 16 bytes that ClickHouse's Native format has for a UUID. */
export const DIGEST_WORDS = 4;

interface KernelExports {
  readonly memory: WebAssembly.Memory;
  inputAddress(): number;
  tableAddress(): number;
  digestAddress(): number;
  reserve(input_bytes: number): number;
  scanBatch(offset: number, length: number, name_offset: number, name_bytes: number): number;
  findMember(offset: number, length: number, name_offset: number, name_bytes: number, slot: number): number;
  hash(offset: number, length: number): void;
}

function isKernelExports(exports: object): exports is KernelExports {
  return 'memory' in exports && 'scanBatch' in exports && 'findMember' in exports && 'hash' in exports && 'digestAddress' in exports;
}

function instantiate(module: WebAssembly.Module): KernelExports {
  const { exports } = new WebAssembly.Instance(module, {});
  assert(isKernelExports(exports), 'BUG: kernel.wasm does not export what kernel.ts calls');
  return exports;
}

export class Kernel {
  private readonly module: WebAssembly.Module;
  private readonly encoder = new TextEncoder();
  private wasm: KernelExports;
  private slab_bytes = 0;
  /** Entries of the table that the last `scanBatch` filled. */
  private elements = 0;
  private bytes = new Uint8Array(0);
  private table = new Uint32Array(0);
  private digest = new Uint32Array(0);

  constructor(wasm_path: URL = new URL('./kernel.wasm', import.meta.url)) {
    this.module = new WebAssembly.Module(readFileSync(wasm_path));
    this.wasm = instantiate(this.module);
  }

  /** Copies a slab's bytes in. False when there is no memory for it. */
  load(slab: Uint8Array): boolean {
    if (this.wasm.memory.buffer.byteLength > MEMORY_BYTES_KEPT_MAX) this.wasm = instantiate(this.module);
    if (this.wasm.reserve(slab.length + SCRATCH_BYTES) === 0) return false;
    this.view();
    this.bytes.set(slab);
    this.slab_bytes = slab.length;
    return true;
  }

  /** The number of elements of the array `name` in the object at [offset, offset + length), then read with `elementStart`. */
  scanBatch(offset: number, length: number, name: string): number | ScanProblem {
    const found = this.wasm.scanBatch(offset, length, this.slab_bytes, this.putScratch(name));
    this.view();
    this.elements = Math.max(found, 0);
    if (found >= 0) return found;
    const problem = SCAN_PROBLEMS[-1 - found];
    assert(problem !== undefined, 'BUG: the kernel answered a problem that kernel.ts does not know');
    return problem;
  }

  elementStart(index: number): number {
    return this.table[2 * index];
  }

  elementEnd(index: number): number {
    return this.table[2 * index + 1];
  }

  /** The value of the member `name` of the object at [offset, offset + length); the last where there are several. */
  findMember(offset: number, length: number, name: string): { start: number; end: number } | undefined {
    const slot = this.elements;
    const found = this.wasm.findMember(offset, length, this.slab_bytes, this.putScratch(name), slot) !== 0;
    this.view();
    return found ? { start: this.elementStart(slot), end: this.elementEnd(slot) } : undefined;
  }

  /** Hashes the slab's bytes at [offset, offset + length) with `seed`, and puts the digest into `into` from word `at`. */
  hash(offset: number, length: number, seed: Uint32Array, into: Uint32Array, at: number): void {
    this.digest.set(seed);
    this.wasm.hash(offset, length);
    into.set(this.digest, at);
  }

  /**
   * Hashes a sequence of texts with `seed`: each text's UTF-8 is hashed with the digest before it as its seed, in pieces of
   * SCRATCH_BYTES at most, so that no two sequences of texts shorter than that run together.
   */
  hashTexts(texts: readonly string[], seed: Uint32Array, into: Uint32Array, at: number): void {
    this.digest.set(seed);
    const scratch = this.bytes.subarray(this.slab_bytes, this.slab_bytes + SCRATCH_BYTES);
    for (const text of texts) {
      let rest = text;
      do {
        const { read, written } = this.encoder.encodeInto(rest, scratch);
        this.wasm.hash(this.slab_bytes, written);
        rest = rest.slice(read);
      } while (rest !== '');
    }
    into.set(this.digest, at);
  }

  /** Puts an ASCII name behind the slab, where the kernel can compare with it, and returns its length. */
  private putScratch(name: string): number {
    for (let index = 0; index < name.length; index++) this.bytes[this.slab_bytes + index] = name.charCodeAt(index);
    return name.length;
  }

  /** Growing the memory detaches every view of it, so they are made anew when it has grown. */
  private view(): void {
    const { buffer } = this.wasm.memory;
    if (this.bytes.buffer !== buffer) {
      this.bytes = new Uint8Array(buffer, this.wasm.inputAddress());
      this.digest = new Uint32Array(buffer, this.wasm.digestAddress(), DIGEST_WORDS);
    }
    if (this.table.buffer !== buffer || this.table.byteOffset !== this.wasm.tableAddress()) {
      this.table = new Uint32Array(buffer, this.wasm.tableAddress());
    }
  }
}

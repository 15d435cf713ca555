/**
 * The host's side of the kernel: its instance, what finds and names events, and the way to columns and bodies.
 *
 * A slab's bytes go in once (`load`); every offset below is relative to the slab. Results are valid until the next call. Each
 * worker thread owns one instance.
 */
import { randomBytes } from 'node:crypto';
import { assert } from '../base/assert.ts';
import { installedFile } from '../base/installation.ts';
import { copyShared } from '../base/shared_copy.ts';
import { BodyReader } from './body_reader.ts';
import { ColumnStore } from './column_store.ts';
import { Instance, unsigned } from './instance.ts';
import { Outlines } from './outlines.ts';

/** Why a body was refused before it was parsed, or that it has no such array. */
export type ScanProblem = 'not_found' | 'nesting_too_deep' | 'too_many_keys' | 'out_of_memory' | 'repeated';

const SCAN_PROBLEMS: readonly ScanProblem[] = ['not_found', 'nesting_too_deep', 'too_many_keys', 'out_of_memory', 'repeated'];
/** No member's name: a raw control character cannot stand in one. A scan for it only looks for what hurts. */
export const NO_MEMBER = '\u0001';
/** Room behind the slab for member names and for texts to hash. */
const SCRATCH_BYTES = 64 * 1024;
/** 128 bits as four little-endian words: the 16 bytes that ClickHouse's Native format has for a UUID. */
export const DIGEST_WORDS = 4;

export class Kernel {
  readonly columns: ColumnStore;
  readonly bodies: BodyReader;
  readonly outlines: Outlines;
  private readonly instance: Instance;
  private readonly encoder = new TextEncoder();
  private slab_bytes = 0;
  /** Entries of the table that the last `scanBatch` filled. */
  private elements = 0;
  /** The input region and what is behind it. */
  private bytes: Buffer = Buffer.alloc(0);
  private table = new Uint32Array(0);
  private digest = new Uint32Array(0);

  /** @param secret 32 bytes that those who send events do not know */
  constructor(wasm_path: URL = installedFile('dist/src/kernel/kernel.wasm'), secret: Uint8Array = randomBytes(32)) {
    this.instance = new Instance(wasm_path, secret);
    this.columns = new ColumnStore(this.instance);
    this.bodies = new BodyReader(this.instance);
    this.outlines = new Outlines(this.instance);
  }

  /** Copies a slab's bytes in, and empties all columns. False when there is no memory for it. */
  load(slab: Uint8Array): boolean {
    this.instance.renewIfLarge();
    if (this.instance.wasm.reserve(slab.length + SCRATCH_BYTES) === 0) return false;
    this.columns.begin();
    this.bodies.begin();
    this.outlines.begin();
    this.view();
    copyShared(this.bytes, 0, slab);
    this.slab_bytes = slab.length;
    return true;
  }

  /** The number of elements of the array `name` in the object at [offset, offset + length), then read with `elementStart`. */
  scanBatch(offset: number, length: number, name: string): number | ScanProblem {
    const found = this.instance.wasm.scanBatch(offset, length, this.slab_bytes, this.putScratch(name));
    this.view();
    this.elements = Math.max(found, 0);
    if (found >= 0) return found;
    const problem = SCAN_PROBLEMS[-1 - found];
    assert(problem !== undefined, 'BUG: the kernel answered a problem that kernel.ts does not know');
    return problem;
  }

  /** The table has one element, which was put there alone. */
  takeElement(): void {
    this.view();
    this.elements = 1;
  }

  /** Makes [offset, offset + length) the table's only element. Where there is no memory for it, `isExhausted` says so. */
  setElement(offset: number, length: number): void {
    this.instance.wasm.setElementAt(offset, length);
    this.takeElement();
  }

  elementStart(index: number): number {
    if (this.table.length === 0) this.view();
    return this.table[2 * index];
  }

  elementEnd(index: number): number {
    if (this.table.length === 0) this.view();
    return this.table[2 * index + 1];
  }

  /** The value of the member `name` of the object at [offset, offset + length); the last where there are several. */
  findMember(offset: number, length: number, name: string): { start: number; end: number } | undefined {
    const slot = this.elements;
    const found = this.instance.wasm.findMember(offset, length, this.slab_bytes, this.putScratch(name), slot) !== 0;
    this.view();
    return found ? { start: this.elementStart(slot), end: this.elementEnd(slot) } : undefined;
  }

  /** Hashes the slab's bytes at [offset, offset + length) with `seed`, and puts the digest into `into` from word `at`. */
  hash(offset: number, length: number, seed: Uint32Array, into: Uint32Array, at: number): void {
    if (this.digest.length === 0) this.view();
    this.digest.set(seed);
    this.instance.wasm.hash(offset, length);
    into.set(this.digest, at);
  }

  /** Puts the identity of the slab's bytes at [offset, offset + length) into `into`: `hash`, and then their ordinal in the request. */
  identify(offset: number, length: number, into: Uint32Array): void {
    this.instance.wasm.identifyElement(offset, length);
    if (this.digest.length === 0) this.view();
    into.set(this.digest);
  }

  /**
   * Hashes a sequence of texts with `seed`: each text's UTF-8 is hashed with the digest before it as its seed, in pieces of
   * SCRATCH_BYTES at most, so that no two sequences of texts shorter than that run together.
   */
  hashTexts(texts: readonly string[], seed: Uint32Array, into: Uint32Array, at: number): void {
    if (this.digest.length === 0) this.view();
    this.digest.set(seed);
    const scratch = this.bytes.subarray(this.slab_bytes, this.slab_bytes + SCRATCH_BYTES);
    for (const text of texts) {
      let rest = text;
      do {
        const { read, written } = this.encoder.encodeInto(rest, scratch);
        this.instance.wasm.hash(this.slab_bytes, written);
        rest = rest.slice(read);
      } while (rest !== '');
    }
    into.set(this.digest, at);
  }

  /** Puts an ASCII name behind the slab, where the kernel can compare with it, and returns its length. */
  private putScratch(name: string): number {
    this.view();
    for (let index = 0; index < name.length; index++) this.bytes[this.slab_bytes + index] = name.charCodeAt(index);
    return name.length;
  }

  /** Growing the memory detaches every view of it, so they are made anew when it has grown. */
  private view(): void {
    const { wasm } = this.instance;
    const { buffer } = wasm.memory;
    const input = unsigned(wasm.inputAddress());
    if (this.bytes.buffer !== buffer || this.bytes.byteOffset !== input) {
      this.bytes = Buffer.from(buffer, input);
      this.digest = new Uint32Array(buffer, unsigned(wasm.digestAddress()), DIGEST_WORDS);
    }
    const table = unsigned(wasm.tableAddress());
    if (this.table.buffer !== buffer || this.table.byteOffset !== table) this.table = new Uint32Array(buffer, table);
  }
}

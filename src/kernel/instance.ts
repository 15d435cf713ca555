/**
 * One instance of the WebAssembly module and its memory, which columns, bodies and scans share. WebAssembly memory never shrinks,
 * so that an instance that got large is thrown away between two slabs; what was set up in it is set up again in the next.
 */
import { readFileSync } from 'node:fs';
import { assert } from '../base/assert.ts';

/** Above this the instance is thrown away. */
const MEMORY_BYTES_KEPT_MAX = 64 * 1024 * 1024;

export interface KernelExports {
  readonly memory: WebAssembly.Memory;
  addWord(length: number): number;
  allocate(bytes: number): number;
  appendDigest(column: number): void;
  appendText(column: number, address: number, length: number): void;
  appendTimeMs(column: number, time_ms: number): void;
  beginRequest(body_bytes: number): number;
  createColumn(kind: number): number;
  descriptionsAddress(): number;
  digestAddress(): number;
  findMember(offset: number, length: number, name_offset: number, name_bytes: number, slot: number): number;
  finishColumns(first: number, count: number): number;
  hash(offset: number, length: number): void;
  holdsTextOf(column: number, address: number, length: number): number;
  identifyElement(offset: number, length: number): void;
  inputAddress(): number;
  install(bytes: number): number;
  isExhausted(): number;
  newWordAddress(): number;
  outlineAddress(): number;
  outlineBranchesAddress(): number;
  outlineOf(offset: number, length: number): number;
  outlineTextsAddress(): number;
  readBody(program: number, offset: number, length: number, event_bytes_max: number, is_utf8: number): number;
  readLines(program: number, offset: number, length: number, event_bytes_max: number, is_utf8: number): number;
  requestAddress(): number;
  reserve(input_bytes: number): number;
  resumeBody(): number;
  resumeLines(): number;
  rollBack(): void;
  rowsRead(): number;
  scanBatch(offset: number, length: number, name_offset: number, name_bytes: number): number;
  scratchAddress(bytes: number): number;
  secretAddress(): number;
  setElementAt(offset: number, length: number): number;
  tableAddress(): number;
}

function isKernelExports(exports: object): exports is KernelExports {
  return ['memory', 'scanBatch', 'readBody', 'finishColumns', 'appendText', 'reserve'].every((name) => name in exports);
}

/** Addresses come back as i32. */
export function unsigned(address: number): number {
  return address >>> 0;
}

export class Instance {
  /** All of the memory; made anew when it has grown: growing detaches every view, which is then empty. (To ask the memory
   * for its buffer costs as much as to append a text.) */
  private all = new Uint8Array(0);
  private readonly module: WebAssembly.Module;
  private readonly setups: (() => void)[] = [];
  private exports: KernelExports;

  /** @param secret 32 bytes that those who send events do not know */
  constructor(
    wasm_path: URL,
    private readonly secret: Uint8Array,
  ) {
    this.module = new WebAssembly.Module(readFileSync(wasm_path));
    this.exports = this.instantiate();
  }

  get wasm(): KernelExports {
    return this.exports;
  }

  get bytes(): Uint8Array {
    if (this.all.length === 0) this.all = new Uint8Array(this.exports.memory.buffer);
    return this.all;
  }

  /** Does what must have been done in every instance, now and in each that follows. */
  setUp(setup: () => void): void {
    this.setups.push(setup);
    setup();
  }

  /** Between two slabs. */
  renewIfLarge(): void {
    if (this.exports.memory.buffer.byteLength <= MEMORY_BYTES_KEPT_MAX) return;
    this.exports = this.instantiate();
    this.all = new Uint8Array(0);
    for (const setup of this.setups) setup();
  }

  private instantiate(): KernelExports {
    const { exports } = new WebAssembly.Instance(this.module, {});
    assert(isKernelExports(exports), 'BUG: kernel.wasm does not export what instance.ts calls');
    new Uint8Array(exports.memory.buffer).set(this.secret, unsigned(exports.secretAddress()));
    return exports;
  }
}

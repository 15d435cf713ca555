/** The host's side of the kernel's way through a body: what it says of the request, and where the kernel pauses. */
import { assert } from '../base/assert.ts';
import { type Instance, unsigned } from './instance.ts';

/** `element`: the table's only element is the caller's to judge; `body`: the whole body is; `not_ascii`: its UTF-8 is. */
export type BodyResult = 'done' | 'element' | 'body' | 'not_ascii';

const RESULTS: readonly BodyResult[] = ['done', 'element', 'body', 'not_ascii'];
const SEED_OFFSET = 16;
const CONSTANTS_OFFSET = 32;
const UTF8_BYTES_PER_CHARACTER_MAX = 3;

/** What the rows of a request share. */
export interface RequestConstants {
  /** The same array for the same texts, within a slab. */
  readonly texts: readonly string[];
  readonly seed: Uint32Array;
  readonly received_at_ms: number;
}

/** Where the kernel has a program. */
export interface InstalledProgram {
  address(): number;
}

export class BodyReader {
  private readonly encoder = new TextEncoder();
  /** The texts that the kernel has. */
  private texts: readonly string[] = [];

  constructor(private readonly instance: Instance) {}

  /** Gives the kernel a compiled program, in this instance and in those that follow. */
  install(program: Uint8Array): InstalledProgram {
    let address = 0;
    this.instance.setUp(() => {
      address = unsigned(this.instance.wasm.install(program.length));
      this.instance.bytes.set(program, address);
    });
    return { address: () => address };
  }

  /** After a slab was loaded. */
  begin(): void {
    this.texts = [];
  }

  /** Begins a request, whose rows can then be taken back; false when there is no memory. */
  beginRequest(constants: RequestConstants, body_bytes: number): boolean {
    const { wasm } = this.instance;
    if (constants.texts !== this.texts && !this.putTexts(constants.texts)) return false;
    const has_memory = wasm.beginRequest(body_bytes) !== 0;
    const request = unsigned(wasm.requestAddress());
    new Float64Array(wasm.memory.buffer, request, 1)[0] = constants.received_at_ms;
    new Uint32Array(wasm.memory.buffer, request + SEED_OFFSET, constants.seed.length).set(constants.seed);
    return has_memory;
  }

  /** Reads a body, of which it may only be said that it is UTF-8 when somebody has looked. */
  read(program: number, body: { offset: number; length: number }, event_bytes_max: number, is_utf8: boolean): BodyResult {
    return this.result(this.instance.wasm.readBody(program, body.offset, body.length, event_bytes_max, Number(is_utf8)));
  }

  /** Goes on behind an element. */
  resume(): BodyResult {
    return this.result(this.instance.wasm.resumeBody());
  }

  /** Rows that the kernel has appended since `read`. */
  rows(): number {
    return this.instance.wasm.bodyRows();
  }

  private putTexts(texts: readonly string[]): boolean {
    const room = texts.reduce((sum, text) => sum + text.length * UTF8_BYTES_PER_CHARACTER_MAX, 0);
    let address = unsigned(this.instance.wasm.allocate(room));
    if (address === 0) return false;
    const { buffer } = this.instance.wasm.memory;
    const spans = new Uint32Array(buffer, unsigned(this.instance.wasm.requestAddress()) + CONSTANTS_OFFSET, texts.length * 2);
    for (const [index, text] of texts.entries()) {
      const { written } = this.encoder.encodeInto(text, this.instance.bytes.subarray(address));
      spans[index * 2] = address;
      spans[index * 2 + 1] = written;
      address += written;
    }
    this.texts = texts;
    return true;
  }

  private result(code: number): BodyResult {
    const result = RESULTS[code];
    assert(result !== undefined, 'BUG: the kernel answered a result that body_reader.ts does not know');
    return result;
  }
}

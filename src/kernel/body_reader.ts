/** The host's side of the kernel's way through a body: what it says of the request, and where the kernel pauses. */
import { assert } from '../base/assert.ts';
import { type Instance, unsigned } from './instance.ts';

/** `element`: the table's only element is the caller's to judge; `body`: the whole body is; `not_ascii`: its UTF-8 is. */
export type BodyResult = 'done' | 'element' | 'body' | 'not_ascii';

const RESULTS: readonly BodyResult[] = ['done', 'element', 'body', 'not_ascii'];
const SEED_OFFSET = 16;
const SEED_WORDS = 4;
const NAME_SEED_OFFSET = 32;
const CONSTANTS_OFFSET = 48;
const UTF8_BYTES_PER_CHARACTER_MAX = 3;

/** What the rows of a request share. */
export interface RequestConstants {
  /** The same array for the same texts, within a slab. */
  readonly texts: readonly string[];
  /** Of the identities of events by their bytes, and by their names. */
  readonly seed: Uint32Array;
  readonly name_seed: Uint32Array;
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
  /** Views of what the kernel is told of a request; growing the memory detaches them, and then they are empty. */
  private time = new Float64Array(0);
  private seed = new Uint32Array(0);
  private name_seed = new Uint32Array(0);
  private is_lines = false;

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

  /** After a slab was loaded, perhaps into another instance. */
  begin(): void {
    this.texts = [];
    this.view();
  }

  /** Begins a request, whose rows can then be taken back; false when there is no memory. */
  beginRequest(constants: RequestConstants, body_bytes: number): boolean {
    const { wasm } = this.instance;
    if (constants.texts !== this.texts && !this.putTexts(constants.texts)) return false;
    const has_memory = wasm.beginRequest(body_bytes) !== 0;
    if (this.seed.length === 0) this.view();
    this.time[0] = constants.received_at_ms;
    this.seed.set(constants.seed);
    this.name_seed.set(constants.name_seed);
    return has_memory;
  }

  /** Reads a body, of which it may only be said that it is UTF-8 when somebody has looked. */
  read(program: number, body: { offset: number; length: number }, event_bytes_max: number, is_utf8: boolean): BodyResult {
    this.is_lines = false;
    return this.result(this.instance.wasm.readBody(program, body.offset, body.length, event_bytes_max, Number(is_utf8)));
  }

  /**
   * The same for a body of one event per line. Each line that is not of the common shape, JSON or not, is an `element`; the body as
   * a whole is the caller's only when there is no memory.
   */
  readLines(program: number, body: { offset: number; length: number }, event_bytes_max: number, is_utf8: boolean): BodyResult {
    this.is_lines = true;
    return this.result(this.instance.wasm.readLines(program, body.offset, body.length, event_bytes_max, Number(is_utf8)));
  }

  /** Goes on behind an element, or in a body that is not ASCII and of which the caller has made sure that it is UTF-8. */
  resume(): BodyResult {
    const { wasm } = this.instance;
    return this.result(this.is_lines ? wasm.resumeLines() : wasm.resumeBody());
  }

  /** Rows that the kernel has appended since the body was begun. */
  rows(): number {
    return this.instance.wasm.rowsRead();
  }

  private view(): void {
    const { wasm } = this.instance;
    const request = unsigned(wasm.requestAddress());
    this.time = new Float64Array(wasm.memory.buffer, request, 1);
    this.seed = new Uint32Array(wasm.memory.buffer, request + SEED_OFFSET, SEED_WORDS);
    this.name_seed = new Uint32Array(wasm.memory.buffer, request + NAME_SEED_OFFSET, SEED_WORDS);
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

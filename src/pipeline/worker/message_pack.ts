/**
 * MessagePack as another way to write a JSON document (https://github.com/msgpack/msgpack/blob/master/spec.md): one walk over the
 * bytes that writes the same document as JSON, so that one decoder, one kernel and one identity serve both.
 *
 * Only nil, booleans, numbers, UTF-8 strings, arrays and maps with string keys are JSON. An event that holds anything else (binary data,
 * an extension, a number as a key) is written as `null`, which is rejected alone; an array or a map as a key is malformed. A walk of our own and not a library's decoder,
 * since that would round 64-bit integers, rename keys, replace invalid UTF-8, and build every value that is then only written again.
 */
import { isUtf8 } from 'node:buffer';
import { JsonText } from './json_text.ts';

const DEPTH_MAX = 500;
/** Depth of the elements of an array that is a member of the document. */
const ELEMENT_LEVEL = 2;

/** Bytes that are no document, or one that nests too deep. */
export type MessagePackProblem = 'malformed' | 'too_deep';

type HeadKind = 'literal' | 'integer' | 'float' | 'text' | 'array' | 'map' | 'foreign';

/** `count` is of bytes for a leaf, of values for an array, of pairs for a map; `bytes` is the length of the head itself. */
interface Head {
  readonly kind: HeadKind;
  readonly count: number;
  readonly bytes: number;
}

/** Heads whose count is in the bytes after the first, by that first byte: the width of the count in bytes. */
const COUNTED: ReadonlyMap<number, { readonly kind: HeadKind; readonly width: number; readonly extra: number }> = new Map([
  [0xc4, { kind: 'foreign', width: 1, extra: 0 }],
  [0xc5, { kind: 'foreign', width: 2, extra: 0 }],
  [0xc6, { kind: 'foreign', width: 4, extra: 0 }],
  [0xc7, { kind: 'foreign', width: 1, extra: 1 }],
  [0xc8, { kind: 'foreign', width: 2, extra: 1 }],
  [0xc9, { kind: 'foreign', width: 4, extra: 1 }],
  [0xd9, { kind: 'text', width: 1, extra: 0 }],
  [0xda, { kind: 'text', width: 2, extra: 0 }],
  [0xdb, { kind: 'text', width: 4, extra: 0 }],
  [0xdc, { kind: 'array', width: 2, extra: 0 }],
  [0xdd, { kind: 'array', width: 4, extra: 0 }],
  [0xde, { kind: 'map', width: 2, extra: 0 }],
  [0xdf, { kind: 'map', width: 4, extra: 0 }],
]);

/** What stands at `at`; undefined when the bytes end before that is clear, or no format begins so. */
function readHead(bytes: Buffer, at: number): Head | undefined {
  if (at >= bytes.length) return undefined;
  const first = bytes[at];
  if (first < 0x80 || first >= 0xe0) return { kind: 'integer', count: 0, bytes: 1 };
  if (first < 0x90) return { kind: 'map', count: first & 15, bytes: 1 };
  if (first < 0xa0) return { kind: 'array', count: first & 15, bytes: 1 };
  if (first < 0xc0) return { kind: 'text', count: first & 31, bytes: 1 };
  if (first === 0xc0 || first === 0xc2 || first === 0xc3) return { kind: 'literal', count: 0, bytes: 1 };
  if (first === 0xca || first === 0xcb) return { kind: 'float', count: first === 0xca ? 4 : 8, bytes: 1 };
  if (first >= 0xcc && first <= 0xd3) return { kind: 'integer', count: 1 << (first & 3), bytes: 1 };
  if (first >= 0xd4 && first <= 0xd8) return { kind: 'foreign', count: 1 + (1 << (first - 0xd4)), bytes: 1 };
  const counted = COUNTED.get(first);
  if (counted === undefined || at + 1 + counted.width > bytes.length) return undefined;
  const { kind, width, extra } = counted;
  return { kind, count: bytes.readUIntBE(at + 1, width) + extra, bytes: 1 + width };
}

/** An integer's digits; `first` says its width and sign. */
function integerText(bytes: Buffer, at: number, first: number): string {
  if (first < 0x80) return String(first);
  if (first >= 0xe0) return String(first - 256);
  if (first === 0xcf) return String(bytes.readBigUInt64BE(at));
  if (first === 0xd3) return String(bytes.readBigInt64BE(at));
  const width = 1 << (first & 3);
  return String(first < 0xd0 ? bytes.readUIntBE(at, width) : bytes.readIntBE(at, width));
}

/** An array or a map that was begun. */
interface Level {
  readonly is_map: boolean;
  /** Values that are still to come; of a map, keys count for themselves. */
  remaining: number;
  is_empty: boolean;
}

class Transcription {
  private readonly json: JsonText;
  private readonly levels: Level[] = [];
  private at = 0;
  /** Where the element in hand begins in the JSON text. */
  private element_start = 0;
  /** Whether the element in hand holds something that is not JSON. */
  private is_foreign = false;

  constructor(private readonly bytes: Buffer) {
    this.json = new JsonText(bytes.length);
  }

  run(): Buffer | MessagePackProblem {
    do {
      const head = readHead(this.bytes, this.at);
      if (head === undefined || this.at + head.bytes + (isContainer(head) ? 0 : head.count) > this.bytes.length) return 'malformed';
      if (isContainer(head) && this.isAtKey()) return 'malformed';
      if (isContainer(head) && this.levels.length === DEPTH_MAX) return 'too_deep';
      this.takeValue(head);
      while (this.levels.at(-1)?.remaining === 0) this.closeLevel();
    } while (this.levels.length > 0);
    return this.at === this.bytes.length ? this.json.finish() : 'malformed';
  }

  private takeValue(head: Head): void {
    const level = this.levels.at(-1);
    const is_key = this.isAtKey();
    if (level !== undefined) this.separate(level, is_key);
    if (this.beginsElement(level)) {
      this.element_start = this.json.length;
      this.is_foreign = false;
    }
    if (is_key && head.kind !== 'text') this.is_foreign = true;
    if (isContainer(head)) {
      this.at += head.bytes;
      this.json.raw(head.kind === 'map' ? '{' : '[');
      this.levels.push({ is_map: head.kind === 'map', remaining: head.kind === 'map' ? head.count * 2 : head.count, is_empty: true });
      return;
    }
    this.writeLeaf(head, is_key);
    this.at += head.bytes + head.count;
    this.endValue();
  }

  private isAtKey(): boolean {
    const level = this.levels.at(-1);
    return level?.is_map === true && level.remaining % 2 === 0;
  }

  private separate(level: Level, is_key: boolean): void {
    if (level.is_map && !is_key) this.json.raw(':');
    else if (!level.is_empty) this.json.raw(',');
    level.is_empty = false;
  }

  private beginsElement(level: Level | undefined): boolean {
    return this.levels.length === ELEMENT_LEVEL && level?.is_map === false;
  }

  private closeLevel(): void {
    const level = this.levels.pop();
    this.json.raw(level?.is_map === true ? '}' : ']');
    this.endValue();
  }

  /** A value is complete; if it is an element that is not JSON, it becomes null. */
  private endValue(): void {
    const level = this.levels.at(-1);
    if (level === undefined) return;
    level.remaining--;
    if (!this.is_foreign || !this.beginsElement(level)) return;
    this.json.truncate(this.element_start);
    this.json.raw('null');
    this.is_foreign = false;
  }

  private writeLeaf(head: Head, is_key: boolean): void {
    const { bytes, at, json } = this;
    const value_at = at + head.bytes;
    switch (head.kind) {
      case 'literal':
        json.raw(is_key ? '""' : LITERALS[bytes[at] - 0xc0]);
        return;
      case 'integer':
        json.raw(is_key ? '""' : integerText(bytes, value_at, bytes[at]));
        return;
      case 'float':
        json.raw(is_key ? '""' : floatText(head.count === 4 ? bytes.readFloatBE(value_at) : bytes.readDoubleBE(value_at)));
        return;
      case 'text':
        if (isUtf8(bytes.subarray(value_at, value_at + head.count))) {
          json.text(bytes, value_at, value_at + head.count);
          return;
        }
    }
    this.is_foreign = true;
    json.raw(is_key ? '""' : 'null');
  }
}

/** nil, (never used), false, true. */
const LITERALS = ['null', 'null', 'false', 'true'];

/** JSON has no infinities, and nothing that is not a number. */
function floatText(value: number): string {
  return Number.isFinite(value) ? String(value) : 'null';
}

function isContainer({ kind }: Head): boolean {
  return kind === 'array' || kind === 'map';
}

/** Writes the document that `bytes` are, to their last byte, as JSON in UTF-8. */
export function messagePackToJson(bytes: Buffer): Buffer | MessagePackProblem {
  return new Transcription(bytes).run();
}

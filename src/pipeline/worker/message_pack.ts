/**
 * MessagePack as another way to write a JSON document (https://github.com/msgpack/msgpack/blob/master/spec.md): one walk over the
 * bytes that writes the same document as JSON, so that one decoder, one kernel and one identity serve both.
 *
 * Only nil, booleans, numbers, UTF-8 strings, arrays and maps with string keys are JSON. An event that holds anything else (binary data,
 * an extension, a number as a key) is written as `null`, which is rejected alone; an array or a map as a key is malformed. A walk of our own and not a library's decoder,
 * since that would round 64-bit integers, rename keys, replace invalid UTF-8, and build every value that is then only written again.
 */
import { isUtf8 } from 'node:buffer';
import { type Head, isContainer, readHead } from '../../base/message_pack_head.ts';
import { JsonText } from './json_text.ts';

const DEPTH_MAX = 500;
/** Depth of the elements of an array that is a member of the document. */
const ELEMENT_LEVEL = 2;

/** Bytes that are no document, or one that nests too deep. */
export type MessagePackProblem = 'malformed' | 'too_deep';

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
  /** The last of them. */
  private level: Level | undefined;
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
      while (this.level?.remaining === 0) this.closeLevel();
    } while (this.levels.length > 0);
    return this.at === this.bytes.length ? this.json.finish() : 'malformed';
  }

  private takeValue(head: Head): void {
    const { level } = this;
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
      this.level = { is_map: head.kind === 'map', remaining: head.kind === 'map' ? head.count * 2 : head.count, is_empty: true };
      this.levels.push(this.level);
      return;
    }
    this.writeLeaf(head, is_key);
    this.at += head.bytes + head.count;
    this.endValue();
  }

  private isAtKey(): boolean {
    const { level } = this;
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
    this.level = this.levels.at(-1);
    this.json.raw(level?.is_map === true ? '}' : ']');
    this.endValue();
  }

  /** A value is complete; if it is an element that is not JSON, it becomes null. */
  private endValue(): void {
    const { level } = this;
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
        if (this.writeText(value_at, value_at + head.count)) return;
    }
    this.is_foreign = true;
    json.raw(is_key ? '""' : 'null');
  }

  /** False, and nothing is written, when it is not UTF-8; asked only for what is not ASCII. */
  private writeText(start: number, end: number): boolean {
    const { bytes, json } = this;
    const length_before = json.length;
    if (json.text(bytes, start, end) || isUtf8(bytes.subarray(start, end))) return true;
    json.truncate(length_before);
    return false;
  }
}

/** nil, (never used), false, true. */
const LITERALS = ['null', 'null', 'false', 'true'];

/** JSON has no infinities, and nothing that is not a number. */
function floatText(value: number): string {
  return Number.isFinite(value) ? String(value) : 'null';
}

/** Writes the document that `bytes` are, to their last byte, as JSON in UTF-8. */
export function messagePackToJson(bytes: Buffer): Buffer | MessagePackProblem {
  return new Transcription(bytes).run();
}

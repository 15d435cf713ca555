/**
 * Writes JSON values as MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), in the shortest heads for strings and
 * containers: what a load needs to play a phone that sends it.
 */
import { assert } from '../../base/assert.ts';

/** First bytes of the heads of one kind: a short one that holds the count, then those with 8, 16 and 32 bits of it. */
interface Heads {
  readonly short: number;
  readonly short_max: number;
  /** 0: there is none. */
  readonly byte: number;
  readonly word: number;
}

const TEXT: Heads = { short: 0xa0, short_max: 31, byte: 0xd9, word: 0xda };
const ARRAY: Heads = { short: 0x90, short_max: 15, byte: 0, word: 0xdc };
const MAP: Heads = { short: 0x80, short_max: 15, byte: 0, word: 0xde };
const INTEGER_MIN = -(2 ** 31);
const INTEGER_MAX = 2 ** 31 - 1;

/** @param value what JSON.parse gives */
export function writeMessagePack(value: unknown): Uint8Array {
  const parts: Uint8Array[] = [];
  write(value, parts);
  return Buffer.concat(parts);
}

function write(value: unknown, parts: Uint8Array[]): void {
  if (value === null) parts.push(Uint8Array.of(0xc0));
  else if (typeof value === 'boolean') parts.push(Uint8Array.of(value ? 0xc3 : 0xc2));
  else if (typeof value === 'number') parts.push(writeNumber(value));
  else if (typeof value === 'string') writeText(value, parts);
  else if (Array.isArray(value)) {
    parts.push(head(ARRAY, value.length));
    for (const each of value) write(each, parts);
  } else {
    assert(typeof value === 'object', 'BUG: a value that is not JSON was to be written as MessagePack');
    const members = Object.entries(value);
    parts.push(head(MAP, members.length));
    for (const [name, member] of members) {
      writeText(name, parts);
      write(member, parts);
    }
  }
}

function writeText(text: string, parts: Uint8Array[]): void {
  const bytes = Buffer.from(text, 'utf8');
  parts.push(head(TEXT, bytes.length), bytes);
}

function writeNumber(value: number): Uint8Array {
  if (Number.isInteger(value) && value >= 0 && value < 128) return Uint8Array.of(value);
  if (Number.isInteger(value) && value >= INTEGER_MIN && value <= INTEGER_MAX) {
    const bytes = Buffer.alloc(5, 0xd2);
    bytes.writeInt32BE(value, 1);
    return bytes;
  }
  const bytes = Buffer.alloc(9, 0xcb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function head({ short, short_max, byte, word }: Heads, count: number): Uint8Array {
  if (count <= short_max) return Uint8Array.of(short + count);
  if (byte !== 0 && count < 2 ** 8) return Uint8Array.of(byte, count);
  const is_word = count < 2 ** 16;
  const bytes = Buffer.alloc(is_word ? 3 : 5, is_word ? word : word + 1);
  if (is_word) bytes.writeUInt16BE(count, 1);
  else bytes.writeUInt32BE(count, 1);
  return bytes;
}

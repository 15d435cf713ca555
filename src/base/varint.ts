/** LEB128 variable-length unsigned integers, as ClickHouse's Native format and our own blocks write lengths and counts. */
import { assert } from './assert.ts';

/** The longest encoding written here: 5 bytes carry 35 bits, more than any length in a block. */
export const VARUINT_BYTES_MAX = 5;

/** Writes `value` (0 ≤ value < 2^32) at `offset` and returns the offset after it. */
export function writeVaruint(into: Uint8Array, offset: number, value: number): number {
  let rest = value;
  let at = offset;
  while (rest > 127) {
    into[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  into[at++] = rest;
  return at;
}

/** How many bytes `writeVaruint` takes for `value`. */
export function varuintBytes(value: number): number {
  if (value < 1 << 7) return 1;
  if (value < 1 << 14) return 2;
  if (value < 1 << 21) return 3;
  if (value < 1 << 28) return 4;
  return VARUINT_BYTES_MAX;
}

/** Reads the number at `offset`; `bytes` is trusted (its checksum was right). */
export function readVaruint(bytes: Uint8Array, offset: number): { value: number; next_offset: number } {
  let value = 0;
  let at = offset;
  for (let shift = 0; shift < 7 * VARUINT_BYTES_MAX; shift += 7) {
    assert(at < bytes.length, 'BUG: a varuint runs past the end of its bytes');
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return { value, next_offset: at };
  }
  throw new RangeError('a varuint is longer than 5 bytes');
}

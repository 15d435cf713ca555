/**
 * The columns of all tables, as blocks carry them (`contract/block.ts`). A column is a record of COLUMN_BYTES:
 * ```
 *  0 kind
 *  4 vector: bytes of the texts, of a dictionary's entries, or of the fixed-width values
 * 16 vector: u32 index of each row's entry                                              (dictionaries only, as all below)
 * 28 vector: u32 offset, u32 length, u32 hash of each entry, the offset that of its bytes in the first vector
 * 40 address of the slots: u32 entry + 1, or 0     44 slots - 1
 * 48, 52, 56 bytes used in the vectors at the checkpoint
 * 60 address of the cache (`text_cache.ts`)
 * ```
 */

import { copyBytes } from './bytes';
import { install } from './memory';
import { TEXT_CACHE_BYTES } from './text_cache';
import { clearVector, makeRoom, setVectorEnd, setVectorUsed, vectorEnd, vectorStart, vectorUsed } from './vector';

export const KIND_TEXT: u32 = 0;
export const KIND_DICTIONARY: u32 = 1;

export const BYTES: u32 = 4;
export const INDEXES: u32 = 16;
export const ENTRIES: u32 = 28;
export const SLOTS: u32 = 40;
export const SLOT_MASK: u32 = 44;
const CHECKPOINT: u32 = 48;
export const CACHE: u32 = 60;

export const ENTRY_BYTES: u32 = 12;
const COLUMN_BYTES_LOG2: u32 = 6;
const COLUMNS_MAX: u32 = 128;
const COPY_INLINE_BYTES_MAX: u32 = 256;

const columns = <u32>memory.data(64 * 128, 16);
let column_count: u32 = 0;

export function columnAddress(column: u32): u32 {
  return columns + (column << COLUMN_BYTES_LOG2);
}

export function columnCount(): u32 {
  return column_count;
}

/** A new column, before anything is read: its number, or -1 when there are too many or there is no memory. */
export function createColumn(kind: u32): i32 {
  if (column_count === COLUMNS_MAX) return -1;
  const column = columnAddress(column_count);
  store<u32>(column, kind);
  if (kind === KIND_DICTIONARY) {
    const cache = install(TEXT_CACHE_BYTES);
    if (cache === 0) return -1;
    store<u32>(column + CACHE, cache);
  }
  return column_count++;
}

/** Empties all columns, and forgets their memory. */
export function clearColumns(): void {
  for (let index: u32 = 0; index < column_count; index++) {
    const column = columnAddress(index);
    clearVector(column + BYTES);
    clearVector(column + INDEXES);
    clearVector(column + ENTRIES);
    store<u32>(column + SLOTS, 0);
    store<u32>(column + SLOT_MASK, 0);
  }
}

/** Notes how far each column is. */
export function checkpoint(): void {
  for (let index: u32 = 0; index < column_count; index++) {
    const column = columnAddress(index);
    store<u32>(column + CHECKPOINT, vectorUsed(column + BYTES));
    store<u32>(column + CHECKPOINT, vectorUsed(column + INDEXES), 4);
    store<u32>(column + CHECKPOINT, vectorUsed(column + ENTRIES), 8);
  }
}

/** Where the indexes of the rows since the checkpoint begin. */
export function checkpointOfIndexes(column: u32): u32 {
  return vectorStart(column + INDEXES) + load<u32>(column + CHECKPOINT, 4);
}

/** Takes back what came after the checkpoint, except from dictionaries' slots. */
export function shortenColumns(): void {
  for (let index: u32 = 0; index < column_count; index++) {
    const column = columnAddress(index);
    setVectorUsed(column + BYTES, load<u32>(column + CHECKPOINT));
    setVectorUsed(column + INDEXES, load<u32>(column + CHECKPOINT, 4));
    setVectorUsed(column + ENTRIES, load<u32>(column + CHECKPOINT, 8));
  }
}

export function varuintBytes(value: u32): u32 {
  return max(38 - clz(value), 7) / 7;
}

/** Writes a length as a varuint, and returns behind it. */
export function writeVaruint(to: u32, value: u32): u32 {
  let at = to;
  let rest = value;
  while (rest > 0x7f) {
    store<u8>(at++, rest | 0x80);
    rest >>= 7;
  }
  store<u8>(at, rest);
  return at + 1;
}

/** Appends varuint length and bytes; false when there is no memory. */
export function appendBytes(column: u32, from: u32, length: u32): bool {
  const bytes = column + BYTES;
  if (!makeRoom(bytes, length + 5)) return false;
  const at = writeVaruint(vectorEnd(bytes), length);
  if (length <= COPY_INLINE_BYTES_MAX) copyBytes(at, from, length);
  else memory.copy(at, from, length);
  setVectorEnd(bytes, at + length);
  return true;
}

/** Appends the 16 bytes at `from`. */
export function appendUuid(column: u32, from: u32): bool {
  const bytes = column + BYTES;
  if (!makeRoom(bytes, 16)) return false;
  const end = vectorEnd(bytes);
  v128.store(end, v128.load(from));
  setVectorEnd(bytes, end + 16);
  return true;
}

/** Appends a time, `rows` times. */
export function appendTime(column: u32, time_ms: f64, rows: u32): bool {
  const bytes = column + BYTES;
  if (!makeRoom(bytes, rows << 3)) return false;
  const end = vectorEnd(bytes) + (rows << 3);
  for (let at = vectorEnd(bytes); at < end; at += 8) store<i64>(at, <i64>time_ms);
  setVectorEnd(bytes, end);
  return true;
}

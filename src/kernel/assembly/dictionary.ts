/** Dictionary columns: each different text once, in the order in which they came, and an index per row. */
import { equalBytes } from './bytes';
import {
  appendBytes,
  BYTES,
  checkpointOfIndexes,
  columnAddress,
  columnCount,
  ENTRIES,
  ENTRY_BYTES,
  INDEXES,
  KIND_DICTIONARY,
  SLOT_MASK,
  SLOTS,
  shortenColumns,
  varuintBytes,
} from './columns';
import { keyedHash } from './keyed_hash';
import { allocate } from './memory';
import { forgetTexts } from './text_cache';
import { makeRoom, setVectorEnd, setVectorUsed, vectorEnd, vectorStart, vectorUsed } from './vector';

export const INDEX_BYTES: u32 = 4;
const SLOTS_MIN: u32 = 64;
const OUT_OF_MEMORY: i32 = -1;
const NO_ENTRY: i32 = -1;

/** Appends a row that has the entry `index`. */
export function appendIndex(column: u32, index: u32): bool {
  const indexes = column + INDEXES;
  if (!makeRoom(indexes, 4)) return false;
  const end = vectorEnd(indexes);
  store<u32>(end, index);
  setVectorEnd(indexes, end + 4);
  return true;
}

/** Appends `rows` rows that have the entry `index`. */
export function appendIndexes(column: u32, index: u32, rows: u32): bool {
  const indexes = column + INDEXES;
  if (!makeRoom(indexes, rows << 2)) return false;
  const end = vectorEnd(indexes) + (rows << 2);
  for (let at = vectorEnd(indexes); at < end; at += 16) v128.store(at, i32x4.splat(index));
  setVectorEnd(indexes, end);
  return true;
}

/** The entry of a text, a new one if it is new; below zero when there is no memory. */
export function entryOf(column: u32, from: u32, length: u32): i32 {
  const hash = keyedHash(from, length);
  const entry = findEntry(column, from, length, hash);
  return entry === NO_ENTRY ? addEntry(column, from, length, hash) : entry;
}

/** Whether a row since the checkpoint has the text. */
export function holdsText(column: u32, from: u32, length: u32): bool {
  const entry = findEntry(column, from, length, keyedHash(from, length));
  if (entry === NO_ENTRY) return false;
  const end = vectorEnd(column + INDEXES);
  for (let at = checkpointOfIndexes(column); at < end; at += INDEX_BYTES) if (load<i32>(at) === entry) return true;
  return false;
}

function findEntry(column: u32, from: u32, length: u32, hash: u32): i32 {
  if (vectorUsed(column + ENTRIES) === 0) return NO_ENTRY;
  const entries = vectorStart(column + ENTRIES);
  const bytes = vectorStart(column + BYTES);
  const slots = load<u32>(column + SLOTS);
  const mask = load<u32>(column + SLOT_MASK);
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const found = load<u32>(slots + (slot << 2));
    if (found === 0) break;
    const entry = entries + (found - 1) * ENTRY_BYTES;
    const is_same = load<u32>(entry, 8) === hash && load<u32>(entry, 4) === length;
    if (is_same && equalBytes(bytes + load<u32>(entry), from, length)) return found - 1;
  }
  return NO_ENTRY;
}

export function entryCount(column: u32): u32 {
  return vectorUsed(column + ENTRIES) / ENTRY_BYTES;
}

function addEntry(column: u32, from: u32, length: u32, hash: u32): i32 {
  const entries = column + ENTRIES;
  const count = entryCount(column);
  if (!makeRoom(entries, ENTRY_BYTES) || !appendBytes(column, from, length)) return OUT_OF_MEMORY;
  const entry = vectorEnd(entries);
  store<u32>(entry, vectorUsed(column + BYTES) - length);
  store<u32>(entry, length, 4);
  store<u32>(entry, hash, 8);
  setVectorEnd(entries, entry + ENTRY_BYTES);
  if ((count + 1) * 2 > load<u32>(column + SLOT_MASK)) return growSlots(column) ? count : OUT_OF_MEMORY;
  fillSlot(column, hash, count);
  return count;
}

function fillSlot(column: u32, hash: u32, entry: u32): void {
  const slots = load<u32>(column + SLOTS);
  const mask = load<u32>(column + SLOT_MASK);
  let slot = hash & mask;
  while (load<u32>(slots + (slot << 2)) !== 0) slot = (slot + 1) & mask;
  store<u32>(slots + (slot << 2), entry + 1);
}

function growSlots(column: u32): bool {
  const slots = max((load<u32>(column + SLOT_MASK) + 1) * 2, SLOTS_MIN);
  const address = allocate(slots << 2);
  if (address === 0) return false;
  store<u32>(column + SLOTS, address);
  store<u32>(column + SLOT_MASK, slots - 1);
  refillSlots(column);
  return true;
}

function refillSlots(column: u32): void {
  memory.fill(load<u32>(column + SLOTS), 0, (load<u32>(column + SLOT_MASK) + 1) << 2);
  const entries = vectorStart(column + ENTRIES);
  const count = entryCount(column);
  for (let entry: u32 = 0; entry < count; entry++) fillSlot(column, load<u32>(entries + entry * ENTRY_BYTES, 8), entry);
}

/** Takes back the newest entries, so that `count` are left. */
export function dropEntries(column: u32, count: u32): void {
  while (entryCount(column) > count) dropNewest(column);
  forgetTexts();
}

function dropNewest(column: u32): void {
  const entry = vectorEnd(column + ENTRIES) - ENTRY_BYTES;
  const length = load<u32>(entry, 4);
  const slots = load<u32>(column + SLOTS);
  const mask = load<u32>(column + SLOT_MASK);
  const newest = entryCount(column);
  let slot = load<u32>(entry, 8) & mask;
  // An entry that there was no memory for has no slot.
  while (load<u32>(slots + (slot << 2)) !== newest && load<u32>(slots + (slot << 2)) !== 0) slot = (slot + 1) & mask;
  // Nothing was put behind the newest entry in its run of slots, so that no search needs to pass over this one.
  store<u32>(slots + (slot << 2), 0);
  setVectorUsed(column + BYTES, load<u32>(entry) - varuintBytes(length));
  setVectorEnd(column + ENTRIES, entry);
}

/** Takes back all rows since the checkpoint. */
export function rollBack(): void {
  shortenColumns();
  for (let index: u32 = 0; index < columnCount(); index++) {
    const column = columnAddress(index);
    if (load<u32>(column) === KIND_DICTIONARY && load<u32>(column + SLOTS) !== 0) refillSlots(column);
  }
  forgetTexts();
}

/** Appends a row to a text or dictionary column; false when there is no memory. */
export function appendTextTo(column: u32, from: u32, length: u32): bool {
  if (load<u32>(column) !== KIND_DICTIONARY) return appendBytes(column, from, length);
  const entry = entryOf(column, from, length);
  return entry >= 0 && appendIndex(column, entry);
}

/**
 * A cache before a dictionary: which entry a text of up to 31 bytes has that the kernel has taken from an event before. What is
 * found here needs no look at the dictionary's own table, nor at the field's rules or at its bytes one by one: it has passed.
 *
 * A text is padded with bytes that no UTF-8 has, so that texts of different lengths differ. It may be in one of two slots, which
 * are side by side; a slot is 64 bytes: 32 of text, u32 entry. An empty slot has zeros, and no padding. Who chooses texts that
 * fall into one slot makes them miss, which costs what it costs without a cache.
 */
import { foldedBytes } from './bytes';

const SLOT_BYTES: u32 = 64;
const PAIRS_LOG2: u32 = 8;
const PAIR_BYTES_LOG2: u32 = 7;
export const TEXT_CACHE_BYTES: u32 = 1 << (PAIRS_LOG2 + PAIR_BYTES_LOG2);
const FILLED_MAX: u32 = 4096;
export const CACHED_BYTES_MAX: u32 = 31;

/** 32 bytes loaded 32 - n bytes from its start have n zeros, then padding. */
const SLIDING_PADDING = <u32>(
  memory.data<u8>([
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  ])
);
/** The slots that were filled since they were emptied last, some of them twice; when there are too many, no more texts are cached. */
const filled = <u32>memory.data(4 * 4096, 4);
let filled_count: u32 = 0;

/** Empties all caches: dictionaries have lost entries. */
export function forgetTexts(): void {
  for (let index: u32 = 0; index < filled_count; index++) {
    const slot = load<u32>(filled + (index << 2));
    v128.store(slot, i64x2.splat(0));
    v128.store(slot + SLOT_BYTES, i64x2.splat(0));
  }
  filled_count = 0;
}

/** The first 16 bytes of a text of `length` (0 to 32), which a chunk begins with, then padding. */
export function paddedHead(chunk: v128, length: u32): v128 {
  return v128.or(chunk, v128.load(SLIDING_PADDING + 32 - length));
}

/** The same for the 16 bytes that follow. */
export function paddedTail(chunk: v128, length: u32): v128 {
  return v128.or(chunk, v128.load(SLIDING_PADDING + 32 - length, 16));
}

/** The first slot of the texts whose first 16 bytes, padding and all, are `head`. */
export function cacheSlot(cache: u32, head: v128): u32 {
  return cache + ((<u32>(foldedBytes(head) >> (64 - PAIRS_LOG2))) << PAIR_BYTES_LOG2);
}

export function secondSlot(slot: u32): u32 {
  return slot + SLOT_BYTES;
}

/** Whether the slot has the text of less than 16 bytes that is `head`. */
export function hasShortText(slot: u32, head: v128): bool {
  return i8x16.bitmask(i8x16.eq(v128.load(slot), head)) === 0xffff;
}

export function hasText(slot: u32, head: v128, tail: v128): bool {
  return i8x16.bitmask(v128.and(i8x16.eq(v128.load(slot), head), i8x16.eq(v128.load(slot, 16), tail))) === 0xffff;
}

export function cachedEntry(slot: u32): u32 {
  return load<u32>(slot, 32);
}

/** Puts the text at `start`, of CACHED_BYTES_MAX bytes at most, into the first of its slots, and what was there into the second. */
export function cacheText(cache: u32, start: u32, length: u32, entry: u32): void {
  if (filled_count === FILLED_MAX) return;
  const head = paddedHead(v128.load(start), length);
  const slot = cacheSlot(cache, head);
  store<u32>(filled + (filled_count++ << 2), slot);
  memory.copy(secondSlot(slot), slot, SLOT_BYTES);
  v128.store(slot, head);
  v128.store(slot, paddedTail(v128.load(start, 16), length), 16);
  store<u32>(slot, entry, 32);
}

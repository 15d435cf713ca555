/**
 * Members that come together: the text of a dictionary's field with the member behind it, which is another such field, up to 48 bytes
 * from the first value's first character to the second's closing quote. Fleets have few of them (a version and its label, a platform
 * and its system), and one comparison then does what two members' keys, texts and cache look-ups do.
 *
 * Whatever the bytes are, they have been read before as just these two entries, so that equal bytes prove it again. A slot is 128 bytes:
 * ```
 *  0 the bytes, zero-padded to 48     48 their mask, 48 bytes
 * 96 u32 bytes without the last quote, 0 for an empty slot     100 u32 first entry, second entry
 * 108 u32 the second field, its column
 * ```
 */
import { CACHE, INDEXES } from './columns';
import { quoteBytes } from './strings';
import { TEXT_CACHE_BYTES } from './text_cache';
import { vectorEnd } from './vector';

const SLOT_BYTES_LOG2: u32 = 7;
const SLOTS_LOG2: u32 = 7;
export const PAIR_CACHE_BYTES: u32 = 1 << (SLOT_BYTES_LOG2 + SLOTS_LOG2);
const PAIR_BYTES_MAX: u32 = 48;
const MULTIPLIER: u64 = 0x9e3779b97f4a7c15;
const FILLED_MAX: u32 = 1024;
const CREDIT_MAX: u8 = 16;
const FIELDS_MAX: u32 = 64;

/** The slots that were filled since they were emptied last; when there are too many, no more pairs are learned. */
const filled = <u32>memory.data(4 * 1024, 4);
let filled_count: u32 = 0;
/** Per field: how often it may yet be looked whether a pair begins there, and learned if none is known. A pair that is found restores it. */
const credits = <u32>memory.data(64);
/** How many bytes the pair has that `findPair` last looked for, without the last quote. */
let pair_bytes: u32 = 0;

/** Begins a slab. */
export function beginPairs(): void {
  forgetPairs();
  memory.fill(credits, CREDIT_MAX, FIELDS_MAX);
}

/** Empties all slots: entries are not what they were. */
export function forgetPairs(): void {
  for (let index: u32 = 0; index < filled_count; index++) store<u32>(load<u32>(filled + (index << 2)), 0, 96);
  filled_count = 0;
}

/** The slot for the pair that begins at `start`, behind the quote of the column's text; 0 when there can be none. */
function slotOf(column: u32, start: u32): u32 {
  const low = <u64>quoteBytes(v128.load(start)) | (<u64>quoteBytes(v128.load(start, 16)) << 16);
  const quotes = low | (<u64>quoteBytes(v128.load(start, 32)) << 32);
  // The end of the text, its successor's key and the beginning of that one's text have four.
  let rest = quotes & (quotes - 1);
  rest &= rest - 1;
  rest &= rest - 1;
  rest &= rest - 1;
  if (rest === 0) return 0;
  pair_bytes = <u32>ctz(rest);
  const first_end = load<u64>(start + <u32>ctz(quotes) - 8);
  const second_end = load<u64>(start + pair_bytes - 8);
  const mixed = (first_end ^ rotl(second_end, 29) ^ quotes) * MULTIPLIER;
  return load<u32>(column, CACHE) + TEXT_CACHE_BYTES + ((<u32>(mixed >> (64 - SLOTS_LOG2))) << SLOT_BYTES_LOG2);
}

function differsAt(slot: u32, start: u32, offset: u32): v128 {
  return v128.and(v128.xor(v128.load(start + offset), v128.load(slot + offset)), v128.load(slot + offset, 48));
}

/** The slot that has the pair which begins at `start`, behind the quote of the field's text; 0 when none has. */
export function findPair(field: u32, column: u32, start: u32): u32 {
  const credit = load<u8>(credits + field);
  if (credit === 0) return 0;
  const slot = slotOf(column, start);
  if (slot !== 0 && load<u32>(slot, 96) === pair_bytes) {
    const differences = v128.or(v128.or(differsAt(slot, start, 0), differsAt(slot, start, 16)), differsAt(slot, start, 32));
    if (!v128.any_true(differences)) {
      store<u8>(credits + field, CREDIT_MAX);
      return slot;
    }
  }
  store<u8>(credits + field, credit - 1);
  return 0;
}

/** Behind the last quote of the pair at `start`. */
export function pairEnd(slot: u32, start: u32): u32 {
  return start + load<u32>(slot, 96) + 1;
}

export function firstEntry(slot: u32): u32 {
  return load<u32>(slot, 100);
}

export function secondEntry(slot: u32): u32 {
  return load<u32>(slot, 104);
}

export function secondField(slot: u32): u32 {
  return load<u32>(slot, 108);
}

export function secondColumn(slot: u32): u32 {
  return load<u32>(slot, 112);
}

/**
 * Takes the members whose bytes are [start, end), the last of them a quote, as a pair: they are the newest rows of two dictionaries.
 *
 * @returns whether they are one from now on
 */
export function learnPair(field: u32, column: u32, second_field: u32, second_column: u32, start: u32, end: u32): bool {
  if (end - start > PAIR_BYTES_MAX || filled_count === FILLED_MAX || load<u8>(credits + field) === 0) return false;
  const slot = slotOf(column, start);
  if (slot === 0 || pair_bytes !== end - start - 1) return false;
  store<u32>(filled + (filled_count++ << 2), slot);
  memory.fill(slot, 0, PAIR_BYTES_MAX * 2);
  memory.copy(slot, start, end - start);
  memory.fill(slot + PAIR_BYTES_MAX, 0xff, end - start);
  store<u32>(slot, pair_bytes, 96);
  store<u32>(slot, load<u32>(vectorEnd(column + INDEXES) - 4), 100);
  store<u32>(slot, load<u32>(vectorEnd(second_column + INDEXES) - 4), 104);
  store<u32>(slot, second_field, 108);
  store<u32>(slot, second_column, 112);
  return true;
}

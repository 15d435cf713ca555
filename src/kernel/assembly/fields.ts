/**
 * Reads the value of a field into its column, and proves on the way that the schema accepts it. The short ways come first: a text
 * of a few bytes that the dictionary's cache knows, one without escapes that is copied while its quote is looked for, a JSON text
 * of a known shape. What they do not take goes the long way, `textEnd`.
 */
import { codePoints } from './bytes';
import { BYTES, CACHE, INDEXES, writeVaruint } from './columns';
import { appendIndex } from './dictionary';
import { safeObjectEnd } from './guard';
import { learnShape, SHAPED_BYTES_MAX, shaped_text_end, shapedEnd } from './json_shape';
import {
  codePointsMax,
  codePointsMin,
  FIELD_BOOLEAN,
  FIELD_CHECKED,
  FIELD_DICTIONARY,
  FIELD_JSON,
  FIELD_NUMBER,
  FIELD_SLOW,
  FIELD_STRING,
  fieldColumn,
  fieldKind,
  isAllowed,
  isNullable,
  isUnrestricted,
} from './program';
import { appendFieldText, appendNothing, fieldEntry, noteColumnEnd } from './row';
import { has_escape, quoteBytes, specialBytes, stringEnd, writeUnescaped } from './strings';
import { isAt, LOWER_N, MINUS, QUOTE, skipSpace } from './text';
import { cachedEntry, cacheSlot, cacheText, hasShortText, hasText, padded, secondSlot } from './text_cache';
import { digitsEnd, is_small_number, numberEnd, wordEnd } from './values';
import { clearVector, makeRoom, setVectorEnd, vectorEnd, vectorRoom, vectorStart } from './vector';

const NULL: u32 = 0x6c6c756e;
/** Room that the short ways need in a text column. */
const SHORT_WAY_BYTES_MAX: u32 = SHAPED_BYTES_MAX + 2;
/** A text up to this length has one byte of length before it. */
const SHORT_BYTES_MAX: u32 = 127;

/** Unescaped texts of the event in hand; between events the host's. Never marked as used: room is all that is asked of it. */
const scratch = <u32>memory.data(12, 4);

export function clearScratch(): void {
  clearVector(scratch);
}

/** Where there is room for so many bytes; 0 when there is no memory. */
export function scratchAddress(bytes: u32): u32 {
  return makeRoom(scratch, bytes) ? vectorStart(scratch) : 0;
}

/**
 * Reads the value at `at` of the field whose rules are given. There is scratch room for as many bytes as the body has.
 *
 * @returns behind it, which may be behind `end` when the body is malformed; or 0, and then nothing was appended
 */
export function fieldEnd(field: u32, rules: u32, at: u32, end: u32): u32 {
  const kind = fieldKind(rules);
  if (load<u8>(at) === QUOTE) {
    if (kind === FIELD_DICTIONARY) return entryEnd(field, rules, at + 1, end);
    if (kind === FIELD_STRING) return stringFieldEnd(field, rules, at + 1, end);
    if (kind === FIELD_JSON) return jsonTextEnd(field, rules, at + 1, end);
    return kind === FIELD_CHECKED ? textEnd(field, rules, at + 1, end) : 0;
  }
  if (kind === FIELD_SLOW) return 0;
  if (at + 4 <= end && load<u32>(at) === NULL) return isNullable(rules) && appendNothing(field) ? at + 4 : 0;
  if (kind === FIELD_JSON) return jsonObjectEnd(field, rules, at, end);
  return kind >= FIELD_NUMBER ? checkedValueEnd(kind, at, end) : 0;
}

/** Behind a number, an integer or a boolean; 0 where it is none, or one that may be too large to be a number. */
function checkedValueEnd(kind: u32, at: u32, end: u32): u32 {
  if (kind === FIELD_BOOLEAN) return at < end && load<u8>(at) !== LOWER_N ? wordEnd(at, end) : 0;
  const after = numberEnd(at, end);
  if (after === 0 || !is_small_number) return 0;
  return kind === FIELD_NUMBER || digitsEnd(isAt(at, end, MINUS) ? at + 1 : at, end) === after ? after : 0;
}

/** Only a plain text is in the cache, so that one that is found there has no more to prove than where its quote is. */
function entryEnd(field: u32, rules: u32, start: u32, end: u32): u32 {
  const column = fieldColumn(rules);
  const chunk = v128.load(start);
  const quotes = quoteBytes(chunk);
  if (quotes === 0 || vectorRoom(column + INDEXES) < 4) return otherEntryEnd(field, rules, start, end);
  const length = <u32>ctz(quotes);
  const head = padded(chunk, length);
  let slot = cacheSlot(load<u32>(column, CACHE), head);
  if (!hasShortText(slot, head)) {
    slot = secondSlot(slot);
    if (!hasShortText(slot, head)) return otherEntryEnd(field, rules, start, end);
  }
  const row = vectorEnd(column + INDEXES);
  store<u32>(row, cachedEntry(slot));
  setVectorEnd(column + INDEXES, row + 4);
  return start + length + 1;
}

/** The same for a text that is longer, or not in the cache. */
function otherEntryEnd(field: u32, rules: u32, start: u32, end: u32): u32 {
  const column = fieldColumn(rules);
  const chunk = v128.load(start);
  const more = v128.load(start, 16);
  const quotes = quoteBytes(chunk) | (quoteBytes(more) << 16);
  if (quotes === 0) return textEnd(field, rules, start, end);
  const length = <u32>ctz(quotes);
  const head = padded(chunk, min(length, 16));
  const tail = padded(more, max(length, 16) - 16);
  let slot = cacheSlot(load<u32>(column, CACHE), head);
  if (!hasText(slot, head, tail)) {
    if (!hasText(secondSlot(slot), head, tail)) return newEntryEnd(field, rules, slot, start, end);
    slot = secondSlot(slot);
  }
  return appendIndex(column, cachedEntry(slot)) ? start + length + 1 : 0;
}

/** Reads a text of less than 32 bytes before its first quote, if it is plain, and caches it then. */
function newEntryEnd(field: u32, rules: u32, slot: u32, start: u32, end: u32): u32 {
  const quote = stringEnd(start, end);
  const length = quote - start;
  if (quote === 0 || has_escape || length > 31) return textEnd(field, rules, start, end);
  if (!isAccepted(rules, start, length)) return 0;
  const column = fieldColumn(rules);
  const entry = fieldEntry(field, column, start, length);
  if (entry < 0 || !appendIndex(column, entry)) return 0;
  cacheText(slot, padded(v128.load(start), min(length, 16)), padded(v128.load(start, 16), max(length, 16) - 16), entry);
  return quote + 1;
}

/** Copies a text while its quote is looked for. */
function stringFieldEnd(field: u32, rules: u32, start: u32, end: u32): u32 {
  const bytes = fieldColumn(rules) + BYTES;
  if (vectorRoom(bytes) < SHORT_WAY_BYTES_MAX && !makeRoom(bytes, SHORT_WAY_BYTES_MAX)) return 0;
  const to = vectorEnd(bytes);
  let length: u32 = 0;
  while (length < SHORT_BYTES_MAX - 15) {
    const chunk = v128.load(start + length);
    v128.store(to + length, chunk, 1);
    const special = specialBytes(chunk);
    if (special === 0) {
      length += 16;
      continue;
    }
    length += ctz(special);
    if (load<u8>(start + length) !== QUOTE || !isShortAccepted(rules, length)) break;
    store<u8>(to, length);
    noteColumnEnd(field, to);
    setVectorEnd(bytes, to + 1 + length);
    return start + length + 1;
  }
  return textEnd(field, rules, start, end);
}

function jsonTextEnd(field: u32, rules: u32, start: u32, end: u32): u32 {
  const after = appendShaped(field, rules, start, true);
  return after !== 0 ? after : textEnd(field, rules, start, end);
}

function jsonObjectEnd(field: u32, rules: u32, at: u32, end: u32): u32 {
  const shaped_end = appendShaped(field, rules, at, false);
  if (shaped_end !== 0) return shaped_end;
  const after = safeObjectEnd(at, end);
  if (after === 0 || !appendFieldText(field, at, after - at)) return 0;
  learnShape(at, after, false);
  return after;
}

/** Appends a JSON text of a known shape; behind it and its quote, or 0. */
function appendShaped(field: u32, rules: u32, start: u32, is_text: bool): u32 {
  const bytes = fieldColumn(rules) + BYTES;
  if (vectorRoom(bytes) < SHORT_WAY_BYTES_MAX && !makeRoom(bytes, SHORT_WAY_BYTES_MAX)) return 0;
  const to = vectorEnd(bytes);
  const after = shapedEnd(start, to + 1, is_text);
  if (after === 0) return 0;
  noteColumnEnd(field, to);
  let text_end = shaped_text_end;
  const length = text_end - to - 1;
  if (length > SHORT_BYTES_MAX) memory.copy(to + 2, to + 1, length);
  text_end = writeVaruint(to, length) + length;
  setVectorEnd(bytes, text_end);
  return after;
}

/** Reads the string whose first byte is at `start`, whatever it has; behind it, or 0. */
function textEnd(field: u32, rules: u32, start: u32, end: u32): u32 {
  const quote = stringEnd(start, end);
  if (quote === 0) return 0;
  let address = start;
  let length = quote - start;
  if (has_escape) {
    address = vectorStart(scratch);
    const text_end = writeUnescaped(start, quote, address);
    if (text_end === 0) return 0;
    length = text_end - address;
  }
  const is_json = fieldKind(rules) === FIELD_JSON;
  if (is_json ? !isSafeObject(address, length) : !isAccepted(rules, address, length)) return 0;
  if (!appendFieldText(field, address, length)) return 0;
  if (is_json) learnShape(start, quote, true);
  return quote + 1;
}

/** Whether a text is an object that a JSON column is certain to take. */
function isSafeObject(address: u32, length: u32): bool {
  const end = address + length;
  const after = safeObjectEnd(skipSpace(address, end), end);
  return after !== 0 && skipSpace(after, end) === end;
}

/** Whether a text of so many bytes has an allowed number of code points, whatever they are, and nothing else is asked of it. */
function isShortAccepted(rules: u32, length: u32): bool {
  const least = codePointsMin(rules);
  return length >= least && length <= codePointsMax(rules) && (least <= 1 || length >> 2 >= least) && isUnrestricted(rules);
}

function isAccepted(rules: u32, address: u32, length: u32): bool {
  const least = codePointsMin(rules);
  const most = codePointsMax(rules);
  if (length < least) return false;
  if (length > most || (least > 1 && length >> 2 < least)) {
    const count = codePoints(address, length);
    if (count < least || count > most) return false;
  }
  return isAllowed(rules, address, length);
}

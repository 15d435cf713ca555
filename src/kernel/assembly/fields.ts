/**
 * Reads the value of a field into its column, and proves on the way that the schema accepts it. The short ways come first: a text
 * of a few bytes that the dictionary's cache knows, one without escapes that is copied while its quote is looked for, a JSON text
 * of a known shape. What they do not take goes the long way, `textEnd`.
 */
import { codePoints } from './bytes';
import { BYTES, CACHE, INDEXES, writeVaruint } from './columns';
import { INDEX_BYTES } from './dictionary';
import { safeObjectEnd } from './guard';
import { learnShape, SHAPED_BYTES_MAX, shaped_text_end, shapedEnd } from './json_shape';
import {
  acceptsShort,
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
  noteColumn,
} from './program';
import { appendFieldText, appendNothing, fieldEntry } from './row';
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
 * Reads a field's text that begins at `start`, behind its quote. There is scratch room for as many bytes as the body has.
 *
 * @returns behind its closing quote, which may be behind `end` when the body is malformed; or 0, and then nothing was appended
 */
export function textFieldEnd(field: u32, start: u32, end: u32): u32 {
  const kind = fieldKind(field);
  if (kind === FIELD_DICTIONARY) return otherEntryEnd(field, start, end);
  if (kind === FIELD_JSON) return jsonTextEnd(field, start, end);
  return kind === FIELD_CHECKED || kind === FIELD_STRING ? textEnd(field, start, end) : 0;
}

/** Reads a field's value at `at`, whatever it is, as `textFieldEnd` does a text. */
export function fieldEnd(field: u32, at: u32, end: u32): u32 {
  if (load<u8>(at) === QUOTE) return textFieldEnd(field, at + 1, end);
  const kind = fieldKind(field);
  if (kind === FIELD_SLOW) return 0;
  if (at + 4 <= end && load<u32>(at) === NULL) return isNullable(field) && appendNothing(field) ? at + 4 : 0;
  if (kind === FIELD_JSON) return jsonObjectEnd(field, at, end);
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
export function entryEnd(field: u32, start: u32, end: u32): u32 {
  const column = fieldColumn(field);
  const chunk = v128.load(start);
  const quotes = quoteBytes(chunk);
  if (quotes === 0) return otherEntryEnd(field, start, end);
  const length = <u32>ctz(quotes);
  const head = padded(chunk, length);
  let slot = cacheSlot(load<u32>(column, CACHE), head);
  if (!hasShortText(slot, head)) {
    slot = secondSlot(slot);
    if (!hasShortText(slot, head)) return otherEntryEnd(field, start, end);
  }
  appendAhead(column, cachedEntry(slot));
  return start + length + 1;
}

/** Appends an entry's index, for which `beginRow` has made room. */
function appendAhead(column: u32, entry: u32): void {
  const row = vectorEnd(column + INDEXES);
  store<u32>(row, entry);
  setVectorEnd(column + INDEXES, row + INDEX_BYTES);
}

/** The same as `entryEnd` for a text that is longer, or not in the cache. */
function otherEntryEnd(field: u32, start: u32, end: u32): u32 {
  const column = fieldColumn(field);
  const chunk = v128.load(start);
  const more = v128.load(start, 16);
  const quotes = quoteBytes(chunk) | (quoteBytes(more) << 16);
  if (quotes === 0) return textEnd(field, start, end);
  const length = <u32>ctz(quotes);
  const head = padded(chunk, min(length, 16));
  const tail = padded(more, max(length, 16) - 16);
  let slot = cacheSlot(load<u32>(column, CACHE), head);
  if (!hasText(slot, head, tail)) {
    if (!hasText(secondSlot(slot), head, tail)) return newEntryEnd(field, slot, start, end);
    slot = secondSlot(slot);
  }
  appendAhead(column, cachedEntry(slot));
  return start + length + 1;
}

/** Reads a text of less than 32 bytes before its first quote, if it is plain, and caches it then. */
function newEntryEnd(field: u32, slot: u32, start: u32, end: u32): u32 {
  const quote = stringEnd(start, end);
  const length = quote - start;
  if (quote === 0 || has_escape || length > 31) return textEnd(field, start, end);
  if (!isAccepted(field, start, length)) return 0;
  const column = fieldColumn(field);
  const entry = fieldEntry(field, column, start, length);
  if (entry < 0) return 0;
  appendAhead(column, entry);
  cacheText(slot, padded(v128.load(start), min(length, 16)), padded(v128.load(start, 16), max(length, 16) - 16), entry);
  return quote + 1;
}

/** Copies a text while its quote is looked for. */
export function stringFieldEnd(field: u32, start: u32, end: u32): u32 {
  const bytes = fieldColumn(field) + BYTES;
  if (vectorRoom(bytes) < SHORT_WAY_BYTES_MAX) {
    if (!makeRoom(bytes, SHORT_WAY_BYTES_MAX)) return 0;
  }
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
    if (load<u8>(start + length) !== QUOTE) break;
    if (!acceptsShort(field, length)) break;
    store<u8>(to, length);
    noteColumn(field, to);
    setVectorEnd(bytes, to + 1 + length);
    return start + length + 1;
  }
  return textEnd(field, start, end);
}

function jsonTextEnd(field: u32, start: u32, end: u32): u32 {
  const after = appendShaped(field, start, true);
  return after !== 0 ? after : textEnd(field, start, end);
}

function jsonObjectEnd(field: u32, at: u32, end: u32): u32 {
  const shaped_end = appendShaped(field, at, false);
  if (shaped_end !== 0) return shaped_end;
  const after = safeObjectEnd(at, end);
  if (after === 0 || !appendFieldText(field, at, after - at)) return 0;
  learnShape(at, after, false);
  return after;
}

/** Appends a JSON text of a known shape; behind it and its quote, or 0. */
function appendShaped(field: u32, start: u32, is_text: bool): u32 {
  const bytes = fieldColumn(field) + BYTES;
  if (vectorRoom(bytes) < SHORT_WAY_BYTES_MAX) {
    if (!makeRoom(bytes, SHORT_WAY_BYTES_MAX)) return 0;
  }
  const to = vectorEnd(bytes);
  const after = shapedEnd(start, to + 1, is_text);
  if (after === 0) return 0;
  noteColumn(field, to);
  const length = shaped_text_end - to - 1;
  if (length <= SHORT_BYTES_MAX) {
    store<u8>(to, length);
    setVectorEnd(bytes, to + 1 + length);
    return after;
  }
  memory.copy(to + 2, to + 1, length);
  setVectorEnd(bytes, writeVaruint(to, length) + length);
  return after;
}

/** Reads the string whose first byte is at `start`, whatever it has; behind it, or 0. */
function textEnd(field: u32, start: u32, end: u32): u32 {
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
  const is_json = fieldKind(field) === FIELD_JSON;
  if (is_json ? !isSafeObject(address, length) : !isAccepted(field, address, length)) return 0;
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

function isAccepted(field: u32, address: u32, length: u32): bool {
  const least = codePointsMin(field);
  const most = codePointsMax(field);
  if (length < least) return false;
  if (length > most || (least > 1 && length >> 2 < least)) {
    const count = codePoints(address, length);
    if (count < least || count > most) return false;
  }
  return isAllowed(field, address, length);
}

/**
 * Reads the value of a field into its column, and proves on the way that the schema accepts it: those that `texts.ts` does not take.
 */
import { codePoints } from './bytes';
import { BYTES } from './columns';
import { safeObjectEnd } from './guard';
import { appendShapedObject, appendShapedText, learnObject, learnText, SHAPED_ROOM_BYTES } from './json_shape';
import { setName } from './names';
import {
  codePointsMax,
  codePointsMin,
  expectLongTexts,
  FIELD_BOOLEAN,
  FIELD_CHECKED,
  FIELD_DICTIONARY,
  FIELD_JSON,
  FIELD_NAME,
  FIELD_NUMBER,
  fieldCache,
  fieldColumn,
  fieldKind,
  isAllowed,
  isNullable,
} from './program';
import { appendFieldText, appendNothing, fieldEntry, setEntry } from './row';
import { has_escape, stringEnd, writeUnescaped } from './strings';
import { isAt, LOWER_N, MINUS, skipSpace } from './text';
import { CACHED_BYTES_MAX, cacheText } from './text_cache';
import { digitsEnd, is_small_number, numberEnd, valueEnd, wordEnd } from './values';
import { clearVector, makeRoom, vectorRoom, vectorStart } from './vector';

const NULL: u32 = 0x6c6c756e;
const NAME_BYTES_MAX: u32 = 32768;

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
 * @returns behind its closing quote; or 0, and then nothing was appended
 */
export function textFieldEnd(field: u32, start: u32, end: u32): u32 {
  const kind = fieldKind(field);
  if (kind === FIELD_DICTIONARY) return newEntryEnd(field, start, end);
  if (kind === FIELD_CHECKED) return textEnd(field, start, end);
  if (kind === FIELD_NAME) return nameEnd(start, end);
  if (kind >= FIELD_NUMBER) return 0;
  const had_room = vectorRoom(fieldColumn(field) + BYTES) >= SHAPED_ROOM_BYTES;
  if (!makeRoom(fieldColumn(field) + BYTES, SHAPED_ROOM_BYTES)) return 0;
  // Where there was room, `texts.ts` has looked for a shape.
  const shaped_end = kind === FIELD_JSON && !had_room ? appendShapedText(field, start) : 0;
  return shaped_end !== 0 ? shaped_end : textEnd(field, start, end);
}

/** Reads a field's value at `at`, which is no text, in the same way. */
export function otherValueEnd(field: u32, at: u32, end: u32): u32 {
  const kind = fieldKind(field);
  if (kind === FIELD_NAME) return valueEnd(at, end);
  if (at + 4 <= end && load<u32>(at) === NULL) return isNullable(field) && appendNothing(field) ? at + 4 : 0;
  if (kind === FIELD_JSON) return jsonObjectEnd(field, at, end);
  return kind >= FIELD_NUMBER ? checkedValueEnd(kind, at, end) : 0;
}

/** A name that has escapes, or is longer than the host hashes at once, is the host's. */
function nameEnd(start: u32, end: u32): u32 {
  const quote = stringEnd(start, end);
  if (quote === 0 || has_escape || quote - start > NAME_BYTES_MAX) return 0;
  setName(start, quote - start);
  return quote + 1;
}

/** Behind a number, an integer or a boolean; 0 where it is none, or one that may be too large to be a number. */
function checkedValueEnd(kind: u32, at: u32, end: u32): u32 {
  if (kind === FIELD_BOOLEAN) return at < end && load<u8>(at) !== LOWER_N ? wordEnd(at, end) : 0;
  const after = numberEnd(at, end);
  if (after === 0 || !is_small_number) return 0;
  return kind === FIELD_NUMBER || digitsEnd(isAt(at, end, MINUS) ? at + 1 : at, end) === after ? after : 0;
}

/** Caches a dictionary's text, where it may be cached. */
function newEntryEnd(field: u32, start: u32, end: u32): u32 {
  const quote = stringEnd(start, end);
  const length = quote - start;
  if (quote === 0 || has_escape || length > CACHED_BYTES_MAX) return textEnd(field, start, end);
  if (!isAccepted(field, start, length)) return 0;
  const entry = fieldEntry(field, fieldColumn(field), start, length);
  if (entry < 0) return 0;
  setEntry(field, entry);
  cacheText(fieldCache(field), start, length, entry);
  if (length > 15) expectLongTexts(field);
  return quote + 1;
}

function jsonObjectEnd(field: u32, at: u32, end: u32): u32 {
  if (!makeRoom(fieldColumn(field) + BYTES, SHAPED_ROOM_BYTES)) return 0;
  const shaped_end = appendShapedObject(field, at);
  if (shaped_end !== 0) return shaped_end;
  const after = safeObjectEnd(at, end);
  if (after === 0 || !appendFieldText(field, at, after - at)) return 0;
  learnObject(at, after);
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
  if (is_json) learnText(start, quote);
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

/**
 * Reads one event of the common shape: finds the text of each field, proves that the schema accepts it, and writes nothing, so
 * that an event that turns out to be uncommon leaves no trace.
 */
import { codePoints } from './bytes';
import { safeObjectEnd } from './guard';
import {
  codePointsMax,
  codePointsMin,
  FIELD_JSON,
  FIELD_SLOW,
  fieldAddress,
  fieldAt,
  fieldKind,
  isAllowed,
  isNullable,
  key_quote,
  requiredFields,
  SURPRISING_KEY,
  UNKNOWN_KEY,
} from './program';
import { has_escape, specialBytes, stringEnd, writeUnescaped } from './strings';
import { CLOSE_BRACE, COLON, COMMA, isAt, OPEN_BRACE, QUOTE, skipSpace } from './text';
import { valueEnd } from './values';
import { clearVector, makeRoom, vectorAddress } from './vector';

const NULL: u32 = 0x6c6c756e;

/** Address and length of each field's text. */
const spans = <u32>memory.data(8 * 64, 16);
/** Unescaped texts of the event in hand; between events the host's. Never marked as used: room is all that is asked of it. */
const scratch = <u32>memory.data(12, 4);

/** The fields that the event in hand has, a bit each, and those that have a text. */
let fields_seen: u64 = 0;
let fields_present: u64 = 0;
let scratch_end: u32 = 0;

export function clearScratch(): void {
  clearVector(scratch);
}

/** Where there is room for so many bytes; 0 when there is no memory. */
export function scratchAddress(bytes: u32): u32 {
  return makeRoom(scratch, bytes) ? vectorAddress(scratch) : 0;
}

export function hasText(field: u32): bool {
  return ((fields_present >> field) & 1) !== 0;
}

export function textAddress(field: u32): u32 {
  return load<u32>(spans + (field << 3));
}

export function textLength(field: u32): u32 {
  return load<u32>(spans + (field << 3), 4);
}

/**
 * Reads the event that begins at `from`. There is scratch room for as many bytes as its body has.
 *
 * @returns behind the event; 0 when it is not of the common shape, be it valid or not
 */
export function readElement(from: u32, end: u32): u32 {
  if (!isAt(from, end, OPEN_BRACE)) return 0;
  fields_seen = 0;
  fields_present = 0;
  scratch_end = vectorAddress(scratch);
  let previous = UNKNOWN_KEY;
  let at = skipSpace(from + 1, end);
  while (true) {
    if (!isAt(at, end, QUOTE)) return 0;
    const field = fieldAt(at + 1, end, previous);
    if (field === SURPRISING_KEY) return 0;
    at = skipSpace(key_quote + 1, end);
    if (!isAt(at, end, COLON)) return 0;
    at = skipSpace(at + 1, end);
    if (at >= end) return 0;
    at = field === UNKNOWN_KEY ? valueEnd(at, end) : fieldEnd(field, at, end);
    if (at === 0) return 0;
    previous = field;
    at = skipSpace(at, end);
    if (isAt(at, end, COMMA)) {
      at = skipSpace(at + 1, end);
      continue;
    }
    if (!isAt(at, end, CLOSE_BRACE)) return 0;
    const required = requiredFields();
    return (fields_seen & required) === required ? at + 1 : 0;
  }
}

/** Reads the value of a field; behind it, or 0. */
function fieldEnd(field: u32, at: u32, end: u32): u32 {
  const bit: u64 = (<u64>1) << field;
  const rules = fieldAddress(field);
  const kind = fieldKind(rules);
  if ((fields_seen & bit) !== 0 || kind === FIELD_SLOW) return 0;
  fields_seen |= bit;
  const byte = load<u8>(at);
  if (byte === QUOTE) return textEnd(field, rules, kind, at + 1, end);
  if (at + 4 <= end && load<u32>(at) === NULL) return isNullable(rules) ? at + 4 : 0;
  if (kind !== FIELD_JSON) return 0;
  const after = safeObjectEnd(at, end);
  if (after !== 0) setText(field, at, after - at);
  return after;
}

function setText(field: u32, address: u32, length: u32): void {
  fields_present |= (<u64>1) << field;
  store<u32>(spans + (field << 3), address);
  store<u32>(spans + (field << 3), length, 4);
}

/** Reads the string whose first byte is at `start`; behind it, or 0. */
function textEnd(field: u32, rules: u32, kind: u32, start: u32, end: u32): u32 {
  const mask = specialBytes(v128.load(start));
  let quote = start + <u32>ctz(mask);
  let address = start;
  let length = quote - start;
  if (mask === 0 || load<u8>(quote) !== QUOTE) {
    quote = stringEnd(start, end);
    if (quote === 0) return 0;
    length = quote - start;
    if (has_escape) {
      address = scratch_end;
      scratch_end = writeUnescaped(start, quote, address);
      if (scratch_end === 0) return 0;
      length = scratch_end - address;
    }
  }
  if (quote >= end) return 0;
  if (kind === FIELD_JSON ? !isSafeObject(address, length) : !isAccepted(rules, address, length)) return 0;
  setText(field, address, length);
  return quote + 1;
}

/** Whether a text is an object that a JSON column is certain to take. */
function isSafeObject(address: u32, length: u32): bool {
  const end = address + length;
  const after = safeObjectEnd(skipSpace(address, end), end);
  return after !== 0 && skipSpace(after, end) === end;
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

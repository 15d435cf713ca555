/**
 * A program: what the host compiled of a source's schema and of how its events become rows (`kernel/program.ts` writes it).
 * ```
 *  0 u32 fields     4 u32 fills     8 u64 the fields that must be there, a bit each
 * 16 the name of the member that has the events, 16 bytes zero-padded     32 u32 its length     36 u32 column of the identity
 * 40 u64 the fields that have a column, a bit each
 * 64 per field, 128 bytes: 16 bytes of key, zero-padded; 16 bytes of head, the key with the quote and the colon behind it,
 *    zero-padded, and 16 bytes of its mask; u32 key length, head length, kind, is nullable, code points min, code points max,
 *    offset of its allowed texts, their number, column
 *  … per column that does not depend on the event a fill, 16 bytes: u32 kind, column, argument
 *  … allowed texts: u32 offset, u32 length each; then their bytes
 * ```
 * Offsets are from the program's start. A key that is too long for a head has one that no UTF-8 is equal to.
 */
import { equalBytes, loadHead } from './bytes';
import { columnAddress } from './columns';
import { has_escape, specialBytes, stringEnd } from './strings';
import { QUOTE } from './text';

/** A text that goes into a dictionary column, into a string column, or into none. */
export const FIELD_DICTIONARY: u32 = 0;
export const FIELD_STRING: u32 = 1;
export const FIELD_CHECKED: u32 = 2;
/** An object, or a text that is one. */
export const FIELD_JSON: u32 = 3;
/** The host's. */
export const FIELD_SLOW: u32 = 4;
/** What is only checked, as FIELD_CHECKED. */
export const FIELD_NUMBER: u32 = 5;
export const FIELD_INTEGER: u32 = 6;
export const FIELD_BOOLEAN: u32 = 7;

export const FILL_CONSTANT: u32 = 0;
export const FILL_EMPTY: u32 = 1;
export const FILL_TIME: u32 = 2;

export const UNKNOWN_KEY: i32 = -1;
export const SURPRISING_KEY: i32 = -2;

const HEADER_BYTES: u32 = 64;
const FIELD_BYTES_LOG2: u32 = 7;
const FILL_BYTES_LOG2: u32 = 4;
const KEY_BYTES_MAX: u32 = 16;
const FIELDS_MAX: u32 = 64;
const NO_COLUMN: u32 = 0xffff_ffff;

let program: u32 = 0;
let field_count: u32 = 0;
/** The closing quote of the key that `fieldAt` last looked at. */
export let key_quote: u32 = 0;

/** Which field came after each field, and first, the last time: senders keep their order. */
const successors = <u32>memory.data(65);

export function selectProgram(address: u32): void {
  if (program === address) return;
  program = address;
  field_count = load<u32>(address);
  memory.fill(successors, 0, FIELDS_MAX + 1);
}

export function requiredFields(): u64 {
  return load<u64>(program, 8);
}

export function fieldsWithColumn(): u64 {
  return load<u64>(program, 40);
}

/** The address of the column that has the events' identities; 0 when there is none. */
export function identityColumn(): u32 {
  const column = load<u32>(program, 36);
  return column === NO_COLUMN ? 0 : columnAddress(column);
}

export function fillCount(): u32 {
  return load<u32>(program, 4);
}

export function fillAddress(fill: u32): u32 {
  return program + HEADER_BYTES + (field_count << FIELD_BYTES_LOG2) + (fill << FILL_BYTES_LOG2);
}

export function fillKind(fill: u32): u32 {
  return load<u32>(fill);
}

export function fillColumn(fill: u32): u32 {
  return columnAddress(load<u32>(fill, 4));
}

export function fillArgument(fill: u32): u32 {
  return load<u32>(fill, 8);
}

export function fieldAddress(field: u32): u32 {
  return program + HEADER_BYTES + (field << FIELD_BYTES_LOG2);
}

export function headLength(field: u32): u32 {
  return load<u32>(field, 52);
}

export function fieldKind(field: u32): u32 {
  return load<u32>(field, 56);
}

export function isNullable(field: u32): bool {
  return load<u32>(field, 60) !== 0;
}

export function codePointsMin(field: u32): u32 {
  return load<u32>(field, 64);
}

export function codePointsMax(field: u32): u32 {
  return load<u32>(field, 68);
}

export function fieldColumn(field: u32): u32 {
  return columnAddress(load<u32>(field, 80));
}

/** Whether the key in [start, quote) is the name of the member that has the events. */
export function isBatchName(start: u32, quote: u32): bool {
  const length = quote - start;
  return length === load<u32>(program, 32) && equalBytes(start, program + 16, length);
}

/** Whether a text is among those that the field allows; a field that lists none allows all. */
export function isAllowed(field: u32, address: u32, length: u32): bool {
  const count = load<u32>(field, 76);
  if (count === 0) return true;
  const allowed = program + load<u32>(field, 72);
  for (let index: u32 = 0; index < count; index++) {
    const text = allowed + (index << 3);
    if (load<u32>(text, 4) === length && equalBytes(address, program + load<u32>(text), length)) return true;
  }
  return false;
}

/** Whether a field allows all texts. */
export function isUnrestricted(field: u32): bool {
  return load<u32>(field, 76) === 0;
}

/** The field that came after `previous` (or UNKNOWN_KEY) the last time. */
export function likelyField(previous: i32): u32 {
  return load<u8>(successors + previous + 1);
}

/** Whether the bytes at `start`, behind a quote, are the field's key with its closing quote and a colon. */
export function isHeadAt(field: u32, start: u32): bool {
  const difference = v128.xor(v128.load(start), v128.load(field, 16));
  return !v128.any_true(v128.and(difference, v128.load(field, 32)));
}

/**
 * The field whose key begins at `start`, behind its quote.
 *
 * @param previous the field before it, or UNKNOWN_KEY
 * @returns its number, UNKNOWN_KEY, or SURPRISING_KEY for one that is malformed or has escapes
 */
export function fieldAt(start: u32, end: u32, previous: i32): i32 {
  const mask = specialBytes(v128.load(start));
  let length: u32 = ctz(mask);
  if (mask === 0 || load<u8>(start + length) !== QUOTE) {
    key_quote = stringEnd(start, end);
    if (key_quote === 0 || has_escape) return SURPRISING_KEY;
    length = key_quote - start;
    if (length > KEY_BYTES_MAX) return UNKNOWN_KEY;
  }
  key_quote = start + length;
  if (key_quote >= end) return SURPRISING_KEY;
  const key = loadHead(start, length);
  for (let field: u32 = 0; field < field_count; field++) {
    if (!isKeyOf(field, key, length)) continue;
    store<u8>(successors + previous + 1, field);
    return field;
  }
  return UNKNOWN_KEY;
}

function isKeyOf(field: u32, key: v128, length: u32): bool {
  const address = fieldAddress(field);
  return !v128.any_true(v128.xor(v128.load(address), key)) && load<u32>(address, 48) === length;
}

/**
 * A program: what the host compiled of a source's schema and of how its events become rows (`kernel/program.ts` writes it).
 * ```
 *  0 u32 fields     4 u32 steps     8 u64 the fields that must be there, a bit each
 * 16 the name of the member that has the events, 16 bytes zero-padded     32 u32 its length
 * 64 per field, 64 bytes: 16 bytes of key, zero-padded; u32 key length, kind, is nullable, code points min, code points max,
 *    offset of its allowed texts, their number
 *  … per column of the table a step, 16 bytes: u32 kind, column, argument
 *  … allowed texts: u32 offset, u32 length each; then their bytes
 * ```
 * Offsets are from the program's start.
 */
import { equalBytes, loadHead } from './bytes';
import { has_escape, specialBytes, stringEnd } from './strings';
import { QUOTE } from './text';

export const FIELD_TEXT: u32 = 0;
export const FIELD_JSON: u32 = 1;
export const FIELD_SLOW: u32 = 2;

export const STEP_CONSTANT: u32 = 0;
export const STEP_FIELD: u32 = 1;
export const STEP_JSON: u32 = 2;
export const STEP_EMPTY: u32 = 3;
export const STEP_IDENTITY: u32 = 4;
export const STEP_TIME: u32 = 5;

export const UNKNOWN_KEY: i32 = -1;
export const SURPRISING_KEY: i32 = -2;

const HEADER_BYTES: u32 = 64;
const FIELD_BYTES_LOG2: u32 = 6;
const STEP_BYTES_LOG2: u32 = 4;
const KEY_BYTES_MAX: u32 = 16;
const FIELDS_MAX: u32 = 64;

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

export function stepCount(): u32 {
  return load<u32>(program, 4);
}

export function stepAddress(step: u32): u32 {
  return program + HEADER_BYTES + (field_count << FIELD_BYTES_LOG2) + (step << STEP_BYTES_LOG2);
}

export function stepKind(step: u32): u32 {
  return load<u32>(step);
}

export function stepColumn(step: u32): u32 {
  return load<u32>(step, 4);
}

export function stepArgument(step: u32): u32 {
  return load<u32>(step, 8);
}

export function fieldAddress(field: u32): u32 {
  return program + HEADER_BYTES + (field << FIELD_BYTES_LOG2);
}

export function fieldKind(field: u32): u32 {
  return load<u32>(field, 20);
}

export function isNullable(field: u32): bool {
  return load<u32>(field, 24) !== 0;
}

export function codePointsMin(field: u32): u32 {
  return load<u32>(field, 28);
}

export function codePointsMax(field: u32): u32 {
  return load<u32>(field, 32);
}

/** Whether the key in [start, quote) is the name of the member that has the events. */
export function isBatchName(start: u32, quote: u32): bool {
  const length = quote - start;
  return length === load<u32>(program, 32) && equalBytes(start, program + 16, length);
}

/** Whether a text is among those that the field allows; a field that lists none allows all. */
export function isAllowed(field: u32, address: u32, length: u32): bool {
  const count = load<u32>(field, 40);
  if (count === 0) return true;
  const allowed = program + load<u32>(field, 36);
  for (let index: u32 = 0; index < count; index++) {
    const text = allowed + (index << 3);
    if (load<u32>(text, 4) === length && equalBytes(address, program + load<u32>(text), length)) return true;
  }
  return false;
}

/**
 * The field whose key begins at `start`, behind its quote.
 *
 * @param previous the field before it, or UNKNOWN_KEY
 * @returns its number, UNKNOWN_KEY, or SURPRISING_KEY for one that is malformed or has escapes
 */
export function fieldAt(start: u32, end: u32, previous: i32): i32 {
  const chunk = v128.load(start);
  const mask = specialBytes(chunk);
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
  const guess: u32 = load<u8>(successors + previous + 1);
  if (isKeyOf(guess, key, length)) return guess;
  for (let field: u32 = 0; field < field_count; field++) {
    if (!isKeyOf(field, key, length)) continue;
    store<u8>(successors + previous + 1, field);
    return field;
  }
  return UNKNOWN_KEY;
}

function isKeyOf(field: u32, key: v128, length: u32): bool {
  const address = fieldAddress(field);
  return !v128.any_true(v128.xor(v128.load(address), key)) && load<u32>(address, 16) === length;
}

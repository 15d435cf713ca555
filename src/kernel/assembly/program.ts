/**
 * A program: what the host compiled of a source's schema and of how its events become rows (`kernel/program.ts` writes it).
 * ```
 *  0 u32 fields     4 u32 fills     8 u64 the fields that must be there, a bit each
 * 16 the name of the member that has the events, 16 bytes zero-padded     32 u32 its length     36 u32 column of the identity
 * 40 u64 the fields that have a column, a bit each
 * 48 u32 offset of the fields among whose equals a name tells an event from others: u32 how many, u32 number of each
 *128 per field, 128 bytes:
 *      0 key, zero-padded to 16 bytes
 *     16 head: the key with `":"` behind it or `": "`, zero-padded, u32 a bit for each byte behind the head: the kernel's
 *     36 u32 how its texts are read (`texts.ts`), address of the column's cache, address of its index of the first row in hand: the kernel's
 *     48 u32 key length, head length (the kernel's), kind, is nullable, code points min, code points max, offset of its allowed texts, their
 *        number, column
 *     84 u32 the least bytes of a plain text that is certain to be accepted, u32 how many more it may have
 *     92 u32 what `matchHead` gives where the key is there, and its value is no text right behind the colon: the kernel's
 *     96 u32 address of the column, u32 how far it was before the event in hand: the kernel's
 *    112 u64 the field's bit     120 u32 address of the field that came next the last time: the kernel's
 *  … per column that does not depend on the event a fill, 16 bytes: u32 kind, column, argument
 *  … allowed texts: u32 offset, u32 length each; then their bytes
 * ```
 * Offsets are from the program's start. A key that is too long for a head has one that no UTF-8 is equal to. What is said of fields
 * at 112 and 120 is said of all unknown keys, and of what stands before the first key, in the header's: as if they were field -1.
 */
import { equalBytes, loadHead } from './bytes';
import { CACHE, columnAddress } from './columns';
import { has_escape, specialBytes, stringEnd } from './strings';
import { QUOTE } from './text';

/** A text that goes into a dictionary column, into a string column, or into none. */
export const FIELD_DICTIONARY: u32 = 0;
export const FIELD_STRING: u32 = 1;
export const FIELD_CHECKED: u32 = 2;
/** An object, or a text that is one. */
export const FIELD_JSON: u32 = 3;
/** An event's name where it is a text, and anything else. */
export const FIELD_NAME: u32 = 4;
/** What is only checked, as FIELD_CHECKED. */
export const FIELD_NUMBER: u32 = 5;
export const FIELD_INTEGER: u32 = 6;
export const FIELD_BOOLEAN: u32 = 7;

/** How `texts.ts` reads a field's texts: those of a dictionary, where some had more than 15 bytes, and of other columns; it does not. */
export const WAY_SHORT_ENTRY: u32 = 0;
export const WAY_STRING: u32 = 1;
export const WAY_ENTRY: u32 = 2;
export const WAY_JSON: u32 = 3;
export const WAY_NONE: u32 = 4;

export const FILL_CONSTANT: u32 = 0;
export const FILL_EMPTY: u32 = 1;
export const FILL_TIME: u32 = 2;

const HEADER_BYTES: u32 = 128;
export const FIELD_BYTES: u32 = 128;
const FILL_BYTES_LOG2: u32 = 4;
const KEY_BYTES_MAX: u32 = 16;
const NO_COLUMN: u32 = 0xffff_ffff;

let program: u32 = 0;
let field_count: u32 = 0;
let identity_column: u32 = 0;
/** Of the fields at 60. */
let scope: u32 = 0;
/** The closing quote of the key that `fieldAt` last looked at. */
export let key_quote: u32 = 0;

/** Whether it is another than before: then its heads are to be written (`heads.ts`). */
export function selectProgram(address: u32): bool {
  if (program === address) return false;
  program = address;
  field_count = load<u32>(address);
  const column = load<u32>(address, 36);
  identity_column = column === NO_COLUMN ? 0 : columnAddress(column);
  scope = address + load<u32>(address, 48);
  const first = address + HEADER_BYTES;
  expectNext(unknownField(), first);
  for (let field = first; field < fieldsEnd(); field += FIELD_BYTES) {
    const address = columnAddress(load<u32>(field, 80));
    store<u32>(field, address, 96);
    store<u32>(field, firstWay(fieldKind(field)), 36);
    if (fieldKind(field) === FIELD_DICTIONARY) store<u32>(field, load<u32>(address, CACHE), 40);
    expectNext(field, first);
  }
  return true;
}

function firstWay(kind: u32): u32 {
  if (kind === FIELD_DICTIONARY) return WAY_SHORT_ENTRY;
  if (kind === FIELD_STRING) return WAY_STRING;
  return kind === FIELD_JSON ? WAY_JSON : WAY_NONE;
}

export function firstField(): u32 {
  return program + HEADER_BYTES;
}

export function fieldsEnd(): u32 {
  return program + HEADER_BYTES + field_count * FIELD_BYTES;
}

export function requiredFields(): u64 {
  return load<u64>(program, 8);
}

export function fieldsWithColumn(): u64 {
  return load<u64>(program, 40);
}

/** The address of the column that has the events' identities; 0 when there is none. */
export function identityColumn(): u32 {
  return identity_column;
}

/** How many fields a name's scope has. */
export function scopeCount(): u32 {
  return load<u32>(scope);
}

export function scopeField(index: u32): u32 {
  return program + HEADER_BYTES + load<u32>(scope + (index << 2), 4) * FIELD_BYTES;
}

export function fillCount(): u32 {
  return load<u32>(program, 4);
}

export function fillAddress(fill: u32): u32 {
  return fieldsEnd() + (fill << FILL_BYTES_LOG2);
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

/** The address of the field whose bit is the lowest that is set. */
export function lowestField(bits: u64): u32 {
  return program + HEADER_BYTES + <u32>ctz(bits) * FIELD_BYTES;
}

/** Stands for all keys that are no field's, and for what is before the first key: no column, and no bit. */
export function unknownField(): u32 {
  return program + HEADER_BYTES - FIELD_BYTES;
}

export function fieldBit(field: u32): u64 {
  return load<u64>(field, 112);
}

/** The field that came after this one the last time: senders keep their order. */
export function likelyNext(field: u32): u32 {
  return load<u32>(field, 120);
}

function expectNext(field: u32, next: u32): void {
  store<u32>(field, next, 120);
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
  return load<u32>(field, 96);
}

export function textWay(field: u32): u32 {
  return load<u32>(field, 36);
}

/** From now on the field's texts are expected to have up to 31 bytes. */
export function expectLongTexts(field: u32): void {
  store<u32>(field, WAY_ENTRY, 36);
}

export function fieldCache(field: u32): u32 {
  return load<u32>(field, 40);
}

/** Where the index of the first of the rows in hand is to be put. */
export function firstIndex(field: u32): u32 {
  return load<u32>(field, 44);
}

export function setFirstIndex(field: u32, address: u32): void {
  store<u32>(field, address, 44);
}

/** How far the field's column was before the event in hand: where its bytes ended, or how many entries it had. */
export function columnBefore(field: u32): u32 {
  return load<u32>(field, 100);
}

export function noteColumn(field: u32, before: u32): void {
  store<u32>(field, before, 100);
}

/** Whether a plain text of so many bytes is certain to be accepted. */
export function acceptsShort(field: u32, length: u32): bool {
  return length - load<u32>(field, 84) <= load<u32>(field, 88);
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

/**
 * The field whose key begins at `start`, behind its quote.
 *
 * @param previous the field before it
 * @returns the field or `unknownField`, and `key_quote`; 0 for a key that is malformed or has escapes
 */
export function fieldAt(start: u32, end: u32, previous: u32): u32 {
  const mask = specialBytes(v128.load(start));
  let length: u32 = ctz(mask);
  if (mask === 0 || load<u8>(start + length) !== QUOTE) {
    key_quote = stringEnd(start, end);
    if (key_quote === 0 || has_escape) return 0;
    length = key_quote - start;
    if (length > KEY_BYTES_MAX) return unknownField();
  }
  key_quote = start + length;
  if (key_quote >= end) return 0;
  const key = loadHead(start, length);
  for (let field = firstField(); field < fieldsEnd(); field += FIELD_BYTES) {
    if (v128.any_true(v128.xor(v128.load(field), key)) || load<u32>(field, 48) !== length) continue;
    expectNext(previous, field);
    return field;
  }
  return unknownField();
}

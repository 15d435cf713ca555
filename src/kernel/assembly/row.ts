/**
 * The row of the event in hand. Its fields go into their columns while they are read (`fields.ts`), so that an event that turns
 * out to be uncommon must leave no trace: `undoRow`. What does not depend on the event is filled in later, for many rows at once.
 */
import { appendBytes, appendTime, BYTES, INDEXES, KIND_DICTIONARY } from './columns';
import { appendIndex, appendIndexes, dropEntries, entryCount, entryOf } from './dictionary';
import { countDigest } from './digests';
import { hashWith } from './hash';
import {
  FIELD_CHECKED,
  FIELD_DICTIONARY,
  FIELD_JSON,
  FIELD_NUMBER,
  FILL_CONSTANT,
  FILL_TIME,
  fieldAddress,
  fieldColumn,
  fieldKind,
  fieldsWithColumn,
  fillAddress,
  fillArgument,
  fillColumn,
  fillCount,
  fillKind,
  identityColumn,
} from './program';
import { makeRoom, setVectorEnd, vectorEnd, vectorRoom } from './vector';

const DIGITS_MAX: u32 = 10;

/** What the host says of the request: the f64 time of its receipt, 16 bytes of seed, address and length of its constants. */
const request = <u32>memory.data(32 + 8 * 8, 16);
/** What a JSON column has where the event has nothing. */
const EMPTY_OBJECT = <u32>memory.data<u8>([0x7b, 0x7d], 16);
const digits = <u32>memory.data(10);

/** The fields that the event has, a bit each: what they put into their columns is there. */
let fields_seen: u64 = 0;
/** The fields whose text was new to its dictionary. */
let fields_with_entry: u64 = 0;
/** Per field: where its string column ended before, or how many entries its dictionary had. */
const before = <u32>memory.data(4 * 64, 4);
/** Rows of the body in hand. */
let rows: u32 = 0;
/** Of these, those that wait for what does not depend on their events. */
let rows_to_fill: u32 = 0;

export function requestAddress(): u32 {
  return request;
}

export function beginRows(): void {
  rows = 0;
  rows_to_fill = 0;
}

/** Rows that were appended since the body in hand was begun, without those of the host. */
export function rowsRead(): u32 {
  return rows;
}

export function beginRow(): void {
  fields_seen = 0;
  fields_with_entry = 0;
}

/** Notes which fields the event has, a bit each: those that were read, however far the event was. */
export function setSeen(fields: u64): void {
  fields_seen = fields;
}

export function hasSeenAll(fields: u64): bool {
  return (fields_seen & fields) === fields;
}

/** Notes where a field's string column ends, before the field's text goes into it. */
export function noteColumnEnd(field: u32, end: u32): void {
  store<u32>(before + (field << 2), end);
}

/** Appends a text to the column of a field; false when there is no memory. */
export function appendFieldText(field: u32, address: u32, length: u32): bool {
  const rules = fieldAddress(field);
  const kind = fieldKind(rules);
  if (kind === FIELD_CHECKED || kind >= FIELD_NUMBER) return true;
  const column = fieldColumn(rules);
  if (kind !== FIELD_DICTIONARY) {
    if (!makeRoom(column + BYTES, length + 5)) return false;
    noteColumnEnd(field, vectorEnd(column + BYTES));
    return appendBytes(column, address, length);
  }
  const entry = fieldEntry(field, column, address, length);
  return entry >= 0 && appendIndex(column, entry);
}

/** The entry of a field's text in its dictionary; below zero when there is no memory. */
export function fieldEntry(field: u32, column: u32, address: u32, length: u32): i32 {
  const entries = entryCount(column);
  const entry = entryOf(column, address, length);
  if (entryCount(column) > entries) {
    fields_with_entry |= (<u64>1) << field;
    store<u32>(before + (field << 2), entries);
  }
  return entry;
}

/** Appends what a field's column has where the event has nothing. */
export function appendNothing(field: u32): bool {
  const is_json = fieldKind(fieldAddress(field)) === FIELD_JSON;
  return appendFieldText(field, EMPTY_OBJECT, is_json ? 2 : 0);
}

/** Takes back what the event's fields put into their columns. */
export function undoRow(): void {
  for (let left = fields_seen & fieldsWithColumn(); left !== 0; left &= left - 1) {
    const field = <u32>ctz(left);
    const rules = fieldAddress(field);
    const column = fieldColumn(rules);
    if (fieldKind(rules) === FIELD_DICTIONARY) setVectorEnd(column + INDEXES, vectorEnd(column + INDEXES) - 4);
    else setVectorEnd(column + BYTES, load<u32>(before + (field << 2)));
  }
  for (let left = fields_with_entry; left !== 0; left &= left - 1) {
    const field = <u32>ctz(left);
    dropEntries(fieldColumn(fieldAddress(field)), load<u32>(before + (field << 2)));
  }
}

/** Completes the row of the event in [start, end), all of whose fields were read; false when there is no memory. */
export function endRow(start: u32, end: u32): bool {
  for (let left = fieldsWithColumn() & ~fields_seen; left !== 0; left &= left - 1) {
    if (!appendNothing(<u32>ctz(left))) return false;
  }
  rows++;
  rows_to_fill++;
  const column = identityColumn();
  return column === 0 || appendIdentity(column + BYTES, start, end);
}

function appendIdentity(bytes: u32, start: u32, end: u32): bool {
  if (vectorRoom(bytes) < 16 && !makeRoom(bytes, 16)) return false;
  v128.store(vectorEnd(bytes), identityOf(start, end - start));
  setVectorEnd(bytes, vectorEnd(bytes) + 16);
  return true;
}

/** Fills the columns that do not depend on the events, for all rows since the last time; false when there is no memory. */
export function fillRows(): bool {
  const unfilled = rows_to_fill;
  rows_to_fill = 0;
  if (unfilled === 0) return true;
  const count = fillCount();
  for (let index: u32 = 0; index < count; index++) {
    const fill = fillAddress(index);
    const column = fillColumn(fill);
    const kind = fillKind(fill);
    const text = request + 32 + (fillArgument(fill) << 3);
    let is_done: bool;
    if (kind === FILL_TIME) is_done = appendTime(column, load<f64>(request), unfilled);
    else if (kind === FILL_CONSTANT) is_done = fillText(column, load<u32>(text), load<u32>(text, 4), unfilled);
    else is_done = fillText(column, request, 0, unfilled);
    if (!is_done) return false;
  }
  return true;
}

function fillText(column: u32, address: u32, length: u32, count: u32): bool {
  if (load<u32>(column) === KIND_DICTIONARY) {
    const entry = entryOf(column, address, length);
    return entry >= 0 && appendIndexes(column, entry, count);
  }
  if (length === 0) return fillEmpty(column + BYTES, count);
  for (let row: u32 = 0; row < count; row++) {
    if (!appendBytes(column, address, length)) return false;
  }
  return true;
}

/** Appends empty texts, of which only the length is written. */
function fillEmpty(bytes: u32, count: u32): bool {
  if (!makeRoom(bytes, count)) return false;
  memory.fill(vectorEnd(bytes), 0, count);
  setVectorEnd(bytes, vectorEnd(bytes) + count);
  return true;
}

/** The event's identity: the hash of its bytes, hashed on with its ordinal if it is not the first such. */
export function identityOf(address: u32, length: u32): v128 {
  const digest = hashWith(v128.load(request, 16), address, length);
  const ordinal = countDigest(digest);
  return ordinal === 0 ? digest : hashOrdinal(digest, ordinal);
}

/** Hashes the decimal digits of a number with a digest as seed. */
function hashOrdinal(seed: v128, ordinal: u32): v128 {
  const end = digits + DIGITS_MAX;
  let at = end;
  let rest = ordinal;
  do {
    store<u8>(--at, 0x30 + (rest % 10));
    rest /= 10;
  } while (rest > 0);
  return hashWith(seed, at, end - at);
}

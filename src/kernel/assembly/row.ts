/**
 * The row of the event in hand. Its fields go into their columns while they are read (`fields.ts`), so that an event that turns
 * out to be uncommon must leave no trace: `undoRow`. What does not depend on the event is filled in later, for many rows at once.
 */
import { appendBytes, appendTime, BYTES, INDEXES, KIND_DICTIONARY } from './columns';
import { appendIndex, appendIndexes, dropEntries, entryCount, entryOf, INDEX_BYTES } from './dictionary';
import { appendPlace, IDENTITY_BYTES, identifyRows } from './identity';
import {
  columnBefore,
  FIELD_CHECKED,
  FIELD_DICTIONARY,
  FIELD_JSON,
  FIELD_NUMBER,
  FILL_CONSTANT,
  FILL_TIME,
  fieldBit,
  fieldColumn,
  fieldKind,
  fieldsWithColumn,
  fillAddress,
  fillArgument,
  fillColumn,
  fillCount,
  fillKind,
  identityColumn,
  lowestField,
  noteColumn,
} from './program';
import { makeRoom, setVectorEnd, vectorEnd } from './vector';

/** Rows for which there is room in advance. */
const ROWS_AHEAD: u32 = 64;

/** What the host says of the request: the f64 time of its receipt, 16 bytes of seed, address and length of its constants. */
const request = <u32>memory.data(32 + 8 * 8, 16);
/** What a JSON column has where the event has nothing. */
const EMPTY_OBJECT = <u32>memory.data<u8>([0x7b, 0x7d], 16);

/** The fields that the event has, a bit each: what they put into their columns is there. */
let fields_seen: u64 = 0;
/** The fields whose text was new to its dictionary. */
let fields_with_entry: u64 = 0;
/** Rows of the body in hand, without those that wait for what does not depend on their events. */
let rows: u32 = 0;
let rows_to_fill: u32 = 0;
/** Rows whose indexes and identities have room in their columns, while nobody else appends to those. */
let rows_ahead: u32 = 0;

export function requestAddress(): u32 {
  return request;
}

/** The seed of the identities of the request's events. */
export function requestSeed(): v128 {
  return v128.load(request, 16);
}

export function beginRows(): void {
  rows = 0;
  rows_to_fill = 0;
  rows_ahead = 0;
}

/** Rows that were completed since the body in hand was begun, without those of the host. */
export function rowsRead(): u32 {
  return rows;
}

/** Begins the row of an event, for whose indexes and identity there is room then; false when there is no memory. */
export function beginRow(): bool {
  fields_with_entry = 0;
  if (rows_ahead === 0 && !makeRowsAhead()) return false;
  rows_ahead--;
  return true;
}

function makeRowsAhead(): bool {
  for (let left = fieldsWithColumn(); left !== 0; left &= left - 1) {
    const field = lowestField(left);
    if (fieldKind(field) === FIELD_DICTIONARY && !makeRoom(fieldColumn(field) + INDEXES, ROWS_AHEAD * INDEX_BYTES)) return false;
  }
  const identities = identityColumn();
  if (identities !== 0 && !makeRoom(identities + BYTES, ROWS_AHEAD * IDENTITY_BYTES)) return false;
  rows_ahead = ROWS_AHEAD;
  return true;
}

/** Notes which fields the event has, a bit each: those that were read, however far the event was. */
export function setSeen(fields: u64): void {
  fields_seen = fields;
}

export function hasSeenAll(fields: u64): bool {
  return (fields_seen & fields) === fields;
}

/** Appends a text to the column of a field; false when there is no memory. */
export function appendFieldText(field: u32, address: u32, length: u32): bool {
  const kind = fieldKind(field);
  if (kind === FIELD_CHECKED || kind >= FIELD_NUMBER) return true;
  const column = fieldColumn(field);
  if (kind !== FIELD_DICTIONARY) {
    if (!makeRoom(column + BYTES, length + 5)) return false;
    noteColumn(field, vectorEnd(column + BYTES));
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
    fields_with_entry |= fieldBit(field);
    noteColumn(field, entries);
  }
  return entry;
}

/** Appends what a field's column has where the event has nothing. */
export function appendNothing(field: u32): bool {
  const is_json = fieldKind(field) === FIELD_JSON;
  return appendFieldText(field, EMPTY_OBJECT, is_json ? 2 : 0);
}

/** Takes back what the event's fields put into their columns. */
export function undoRow(): void {
  for (let left = fields_seen & fieldsWithColumn(); left !== 0; left &= left - 1) {
    const field = lowestField(left);
    const column = fieldColumn(field);
    if (fieldKind(field) === FIELD_DICTIONARY) setVectorEnd(column + INDEXES, vectorEnd(column + INDEXES) - INDEX_BYTES);
    else setVectorEnd(column + BYTES, columnBefore(field));
  }
  for (let left = fields_with_entry; left !== 0; left &= left - 1) {
    const field = lowestField(left);
    dropEntries(fieldColumn(field), columnBefore(field));
  }
  rows_ahead = 0;
}

/** Ends the row of the event in [start, end), all of whose fields were read: `fillRows` completes it. False when there is no memory. */
export function endRow(start: u32, end: u32): bool {
  const missing = fieldsWithColumn() & ~fields_seen;
  if (missing !== 0) {
    if (!appendMissing(missing)) return false;
  }
  rows_to_fill++;
  appendPlace(start, end);
  return true;
}

function appendMissing(fields: u64): bool {
  for (let left = fields; left !== 0; left &= left - 1) {
    if (!appendNothing(lowestField(left))) return false;
  }
  return true;
}

/** Completes all rows since the last time with what does not depend on their events alone; false when there is no memory. */
export function fillRows(): bool {
  const unfilled = rows_to_fill;
  rows_to_fill = 0;
  if (unfilled === 0) return true;
  rows += unfilled;
  identifyRows(requestSeed(), unfilled);
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

/**
 * The row of the event in hand. Its fields go into their columns while they are read (`fields.ts`), so that an event that turns
 * out to be uncommon must leave no trace: `undoRow`. What does not depend on the event is filled in later, for many rows at once.
 */
import { appendBytes, appendTime, BYTES, INDEXES, KIND_DICTIONARY } from './columns';
import { appendIndexes, dropEntries, entryCount, entryOf, INDEX_BYTES } from './dictionary';
import { noteBytes } from './hash';
import { IDENTITY_BYTES, identifyRows, noteNamed, notePlace } from './identity';
import { forgetName, hasName, identifyNamed } from './names';
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
  firstIndex,
  identityColumn,
  lowestField,
  noteColumn,
  requiredFields,
  setFirstIndex,
} from './program';
import { makeRoom, setVectorEnd, vectorEnd } from './vector';

/** Rows whose indexes and identities have room in their columns in advance. */
const ROWS_IN_HAND_MAX: u32 = 64;

/**
 * What the host says of the request: the f64 time of its receipt, at 16 the seed of identities, at 32 that of the identities of events with a name, at 48
 * address and length of its constants.
 */
const request = <u32>memory.data(48 + 8 * 8, 16);
const CONSTANTS: u32 = 48;
/** What a JSON column has where the event has nothing. */
const EMPTY_OBJECT = <u32>memory.data<u8>([0x7b, 0x7d], 16);

/** The fields that the event has, a bit each: what they put into their columns is there. */
let fields_seen: u64 = 0;
/** The fields whose text was new to its dictionary. */
let fields_with_entry: u64 = 0;
/** Rows of the body in hand, without those that wait for what does not depend on their events. */
let rows: u32 = 0;
let rows_to_fill: u32 = 0;
/**
 * The rows in hand: their indexes and identities are behind the ends of their columns, which `keepRows` moves. So a row that is given
 * up leaves nothing there, and nobody else appends to those columns meanwhile.
 */
let rows_in_hand: u32 = 0;
/** For how many there is room. */
let rows_room: u32 = 0;
/** Where the identity of the first of them is to be put; 0 when there is no column for it. */
let first_identity: u32 = 0;

export function requestAddress(): u32 {
  return request;
}

/** The seed of the identities of the request's events. */
export function requestSeed(): v128 {
  return v128.load(request, 16);
}

/** The same of those that have a name. */
function requestNameSeed(): v128 {
  return v128.load(request, 32);
}

export function beginRows(): void {
  rows = 0;
  rows_to_fill = 0;
  rows_in_hand = 0;
  rows_room = 0;
}

/** Rows that were completed since the body in hand was begun, without those of the host. */
export function rowsRead(): u32 {
  return rows;
}

/** Begins the row of an event, for whose indexes and identity there is room then; false when there is no memory. */
export function beginRow(): bool {
  fields_seen = 0;
  fields_with_entry = 0;
  forgetName();
  if (rows_in_hand < rows_room) return true;
  keepRows();
  return makeRowsRoom();
}

function makeRowsRoom(): bool {
  for (let left = fieldsWithColumn(); left !== 0; left &= left - 1) {
    const field = lowestField(left);
    if (fieldKind(field) !== FIELD_DICTIONARY) continue;
    const indexes = fieldColumn(field) + INDEXES;
    if (!makeRoom(indexes, ROWS_IN_HAND_MAX * INDEX_BYTES)) return false;
    setFirstIndex(field, vectorEnd(indexes));
  }
  const column = identityColumn();
  if (column !== 0 && !makeRoom(column + BYTES, ROWS_IN_HAND_MAX * IDENTITY_BYTES)) return false;
  first_identity = column === 0 ? 0 : vectorEnd(column + BYTES);
  rows_room = ROWS_IN_HAND_MAX;
  return true;
}

/** Makes the rows in hand a part of their columns. */
function keepRows(): void {
  for (let left = fieldsWithColumn(); left !== 0 && rows_in_hand !== 0; left &= left - 1) {
    const field = lowestField(left);
    if (fieldKind(field) === FIELD_DICTIONARY) setVectorEnd(fieldColumn(field) + INDEXES, firstIndex(field) + rows_in_hand * INDEX_BYTES);
  }
  const column = identityColumn();
  if (column !== 0 && rows_in_hand !== 0) setVectorEnd(column + BYTES, first_identity + rows_in_hand * IDENTITY_BYTES);
  rows_in_hand = 0;
  rows_room = 0;
}

/** The fields that the event has, a bit each: those that were read, however far the event was. */
export function fieldsSeen(): u64 {
  return fields_seen;
}

export function setSeen(fields: u64): void {
  fields_seen = fields;
}

export function hasSeenAll(fields: u64): bool {
  return (fields_seen & fields) === fields;
}

/** How far the index of the row in hand is behind the `firstIndex` of a field. */
export function indexOffset(): u32 {
  return rows_in_hand * INDEX_BYTES;
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
  if (entry < 0) return false;
  setEntry(field, entry);
  return true;
}

/** Sets which entry of a field's dictionary the row has. */
export function setEntry(field: u32, entry: u32): void {
  store<u32>(firstIndex(field) + indexOffset(), entry);
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
    if (fieldKind(field) !== FIELD_DICTIONARY) setVectorEnd(fieldColumn(field) + BYTES, columnBefore(field));
  }
  for (let left = fields_with_entry; left !== 0; left &= left - 1) {
    const field = lowestField(left);
    dropEntries(fieldColumn(field), columnBefore(field));
  }
}

/** Whether the event has all that it must have, and there is room for another row behind its own. */
export function canGoOn(seen: u64): bool {
  const required = requiredFields();
  return (seen & required) === required && rows_in_hand + 1 < rows_room;
}

/** Ends the row of the event in [start, end), whose fields are `seen`, and begins the next, as `canGoOn` has allowed. False when there is no memory. */
export function nextRow(start: u32, end: u32, seen: u64): bool {
  const missing = fieldsWithColumn() & ~seen;
  if (missing !== 0) {
    if (!appendMissing(missing)) return false;
  }
  noteRow(start, end);
  fields_with_entry = 0;
  return !hasName() || nameRow(start, end);
}

/** Ends the row of the event in [start, end), all of whose fields were read: `fillRows` completes it. False when there is no memory. */
export function endRow(start: u32, end: u32): bool {
  if (!appendMissing(fieldsWithColumn() & ~fields_seen)) return false;
  noteRow(start, end);
  return !hasName() || nameRow(start, end);
}

function noteRow(start: u32, end: u32): void {
  if (first_identity !== 0) notePlace(first_identity + rows_in_hand * IDENTITY_BYTES, start, end);
  rows_in_hand++;
  rows_to_fill++;
}

/** Of the row that was noted last: its event, in [start, end), has a name. Where there is no memory, the whole request is taken back. */
function nameRow(start: u32, end: u32): bool {
  const row = rows_in_hand - 1;
  const number = identifyNamed(requestNameSeed(), row * INDEX_BYTES);
  forgetName();
  if (number < 0) return false;
  if (first_identity !== 0) noteNamed(first_identity + row * IDENTITY_BYTES, number);
  // Of an event without a name its hash does so.
  noteBytes(start, end - start);
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
  keepRows();
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
    const text = request + CONSTANTS + (fillArgument(fill) << 3);
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

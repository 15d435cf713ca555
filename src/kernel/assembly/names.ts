/**
 * The names that senders give their events. An event that has one is known by it: its identity is the hash of the texts of some fields, among whose
 * equals the name tells it from others (the scope), and of the name, one after the other; whatever else the event has.
 *
 * It is made when the event ends, while its texts are at hand, and waits here until `identity.ts` puts it into its place.
 */
import { BYTES, ENTRIES, ENTRY_BYTES } from './columns';
import { hashWith } from './hash';
import { columnBefore, FIELD_DICTIONARY, fieldColumn, fieldKind, firstIndex, scopeCount, scopeField } from './program';
import { clearVector, makeRoom, setVectorEnd, vectorEnd, vectorStart, vectorUsed } from './vector';

const DIGEST_BYTES: u32 = 16;

/** The digests of the slab's events that have a name. */
const digests = <u32>memory.data(12, 4);
/** The name of the event in hand; of no length where it has none. */
let name_start: u32 = 0;
let name_length: u32 = 0;
/** The text that `findText` has found. */
let text_start: u32 = 0;
let text_length: u32 = 0;

/** Before a slab is read. */
export function clearNames(): void {
  clearVector(digests);
}

export function forgetName(): void {
  name_length = 0;
}

export function setName(start: u32, length: u32): void {
  name_start = start;
  name_length = length;
}

export function hasName(): bool {
  return name_length !== 0;
}

/**
 * Makes the identity of the event in hand, which has a name and all fields of the scope.
 *
 * @param index_offset how far the event's index is behind the `firstIndex` of a field
 * @returns the number that `namedIdentity` knows it by; -1 when there is no memory
 */
export function identifyNamed(seed: v128, index_offset: u32): i32 {
  let digest = seed;
  const count = scopeCount();
  for (let index: u32 = 0; index < count; index++) {
    findText(scopeField(index), index_offset);
    digest = hashWith(digest, text_start, text_length);
  }
  digest = hashWith(digest, name_start, name_length);
  if (!makeRoom(digests, DIGEST_BYTES)) return -1;
  const number = vectorUsed(digests) / DIGEST_BYTES;
  v128.store(vectorEnd(digests), digest);
  setVectorEnd(digests, vectorEnd(digests) + DIGEST_BYTES);
  return number;
}

export function namedIdentity(number: u32): v128 {
  return v128.load(vectorStart(digests) + number * DIGEST_BYTES);
}

/** Finds the text that the event in hand has put into a field's column. */
function findText(field: u32, index_offset: u32): void {
  const column = fieldColumn(field);
  if (fieldKind(field) === FIELD_DICTIONARY) {
    const entry = vectorStart(column + ENTRIES) + load<u32>(firstIndex(field) + index_offset) * ENTRY_BYTES;
    text_start = vectorStart(column + BYTES) + load<u32>(entry);
    text_length = load<u32>(entry, 4);
    return;
  }
  let at = columnBefore(field);
  let length: u32 = 0;
  for (let shift: u32 = 0; ; shift += 7) {
    const byte = <u32>load<u8>(at++);
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  text_start = at;
  text_length = length;
}

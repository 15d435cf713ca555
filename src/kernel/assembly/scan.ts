/**
 * Finds structure in JSON without parsing it: where the elements of a batch's array begin and end, how deep the body nests,
 * and how many keys its objects have, so that what would hurt a parser is refused before one runs.
 *
 * It does not validate: on malformed input the result is meaningless but bounded. The host runs JSON.parse on the same bytes,
 * and whatever that accepts is well-formed, where this scan is exact.
 */
import { inputAddress } from './memory';
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, isSpace, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace } from './text';
import { clearVector, makeRoom, setVectorUsed, vectorStart } from './vector';

/** Results below zero; at or above it, the number of elements in the table. */
const NOT_FOUND: i32 = -1;
const TOO_DEEP: i32 = -2;
const TOO_MANY_KEYS: i32 = -3;
const OUT_OF_MEMORY: i32 = -4;
const REPEATED: i32 = -5;

const DEPTH_MAX: i32 = 500;
const KEYS_MAX: u32 = 100_000;
/** V8 does not randomise the hash of integer-like keys, so that few of them can collide on purpose. */
const DIGIT_KEYS_MAX: u32 = 1_000;

const ELEMENT_BYTES: u32 = 8;

/** Start and end of each element, relative to the input. */
const table = <u32>memory.data(12, 4);
/** Keys and digit keys seen in the open object of each depth. */
const keys_at_depth = <u32>memory.data(4 * 512);
const digit_keys_at_depth = <u32>memory.data(4 * 512);

/** The address of the quote that ends the string whose first byte is at `from`, or `end`. */
function stringEnd(from: u32, end: u32): u32 {
  const quotes = i8x16.splat(QUOTE);
  const backslashes = i8x16.splat(BACKSLASH);
  let at = from;
  while (at < end) {
    const chunk = v128.load(at);
    const mask = i8x16.bitmask(v128.or(i8x16.eq(chunk, quotes), i8x16.eq(chunk, backslashes)));
    if (mask === 0) {
      at += 16;
      continue;
    }
    at += ctz(mask);
    if (at >= end) return end;
    if (load<u8>(at) === QUOTE) return at;
    at += 2;
  }
  return end;
}

function trimSpace(start: u32, end: u32): u32 {
  let at = end;
  while (at > start && isSpace(load<u8>(at - 1))) at--;
  return at;
}

/** The value of the four hexadecimal digits at `at`; meaningless where they are none. */
function hexadecimal(at: u32): u32 {
  let value: u32 = 0;
  for (let index: u32 = 0; index < 4; index++) {
    const digit: u32 = load<u8>(at + index);
    value = (value << 4) | (digit <= 0x39 ? digit - 0x30 : (digit | 0x20) - 0x57);
  }
  return value;
}

/** Whether the key in [start, end), escapes and all, spells the ASCII name in [name, name + name_bytes). */
function keyIs(start: u32, end: u32, name: u32, name_bytes: u32): bool {
  let at = start;
  let matched: u32 = 0;
  while (at < end && matched < name_bytes) {
    let code: u32 = load<u8>(at);
    if (code === BACKSLASH) {
      // Of the short escapes only \/ stands for a printable character, and no name has it.
      if (load<u8>(at + 1) !== 0x75 || at + 6 > end) return false;
      code = hexadecimal(at + 2);
      at += 6;
    } else {
      at++;
    }
    if (code !== load<u8>(name + matched)) return false;
    matched++;
  }
  return at === end && matched === name_bytes;
}

/** Counts a key of the object at `depth`; false when it is one too many. */
function countKey(depth: i32, first_byte: u8): bool {
  const counter = keys_at_depth + (depth << 2);
  const keys = load<u32>(counter) + 1;
  store<u32>(counter, keys);
  if (first_byte < 0x30 || first_byte > 0x39) return keys <= KEYS_MAX;
  const digit_counter = digit_keys_at_depth + (depth << 2);
  const digit_keys = load<u32>(digit_counter) + 1;
  store<u32>(digit_counter, digit_keys);
  return digit_keys <= DIGIT_KEYS_MAX;
}

export function clearTable(): void {
  clearVector(table);
}

export function tableAddress(): u32 {
  return vectorStart(table);
}

/** Makes [start, end) of the input the table's entry `index`, and its last. */
function addElement(index: u32, start: u32, end: u32): bool {
  setVectorUsed(table, index * ELEMENT_BYTES);
  if (!makeRoom(table, ELEMENT_BYTES)) return false;
  const entry = vectorStart(table) + index * ELEMENT_BYTES;
  store<u32>(entry, start - inputAddress());
  store<u32>(entry, trimSpace(start, end) - inputAddress(), 4);
  return true;
}

/** Makes [start, end) the table's only element; false when there is no memory. */
export function setElement(start: u32, end: u32): bool {
  return addElement(0, start, end);
}

/**
 * Finds the elements of the array that is the member `name` of the object in [offset, offset + length).
 *
 * @param name_offset where the host put the ASCII name, in the input
 * @returns the number of elements in the table (u32 start, u32 end each), or one of the results below zero
 */
export function scanBatch(offset: u32, length: u32, name_offset: u32, name_bytes: u32): i32 {
  const end = inputAddress() + offset + length;
  const name = inputAddress() + name_offset;
  let at = inputAddress() + offset;
  let depth: i32 = 0;
  let elements: i32 = NOT_FOUND;
  let key_start: u32 = 0;
  let key_end: u32 = 0;
  let element_start: u32 = 0;
  let is_found = false;
  let in_batch = false;
  while (at < end) {
    const byte = load<u8>(at);
    if (byte === QUOTE) {
      key_start = at + 1;
      key_end = stringEnd(key_start, end);
      at = key_end;
    } else if (byte === COLON) {
      if (!countKey(depth, load<u8>(key_start))) return TOO_MANY_KEYS;
      if (depth === 1 && keyIs(key_start, key_end, name, name_bytes)) {
        if (is_found) return REPEATED;
        is_found = true;
        const value = skipSpace(at + 1, end);
        in_batch = value < end && load<u8>(value) === OPEN_BRACKET;
        if (in_batch) {
          elements = 0;
          element_start = skipSpace(value + 1, end);
        }
      }
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > DEPTH_MAX) return TOO_DEEP;
      store<u32>(keys_at_depth + (depth << 2), 0);
      store<u32>(digit_keys_at_depth + (depth << 2), 0);
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (in_batch && depth === 2) {
        in_batch = false;
        if (at > element_start && !addElement(elements++, element_start, at)) return OUT_OF_MEMORY;
      }
      if (--depth < 0) return elements;
    } else if (byte === COMMA && in_batch && depth === 2) {
      if (!addElement(elements++, element_start, at)) return OUT_OF_MEMORY;
      element_start = skipSpace(at + 1, end);
    }
    at++;
  }
  return elements;
}

/**
 * Finds the value of the member `name` of the object in [offset, offset + length), the last of that name; the value's start
 * and end are put at the table's entry `slot`.
 */
export function findMember(offset: u32, length: u32, name_offset: u32, name_bytes: u32, slot: u32): bool {
  const end = inputAddress() + offset + length;
  const name = inputAddress() + name_offset;
  let at = inputAddress() + offset;
  let depth: i32 = 0;
  let key_start: u32 = 0;
  let key_end: u32 = 0;
  let value_start: u32 = 0;
  let found = false;
  while (at < end) {
    const byte = load<u8>(at);
    if (byte === QUOTE) {
      key_start = at + 1;
      key_end = stringEnd(key_start, end);
      at = key_end;
    } else if (byte === COLON && depth === 1) {
      value_start = keyIs(key_start, key_end, name, name_bytes) ? skipSpace(at + 1, end) : 0;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++;
    } else if ((byte === COMMA && depth === 1) || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (byte !== COMMA) depth--;
      if (value_start !== 0 && (byte === COMMA || depth === 0)) {
        if (!addElement(slot, value_start, at)) return false;
        found = true;
        value_start = 0;
      }
    }
    at++;
  }
  return found;
}

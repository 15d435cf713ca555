/**
 * Proves that ClickHouse's JSON type is certain to take an object: the common part of the rules of the worker's `json_guard.ts`,
 * which judges what this is not certain of. Nothing is proven of keys with escapes or dots, of surrogates in escapes, of numbers
 * that are long or have an exponent, and of objects that are deep or have many keys.
 */
import { equalBytes } from './bytes';
import { has_escape, hasSurrogateEscape, stringEnd } from './strings';
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, DOT, isAt, MINUS, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace } from './text';
import { is_small_number, numberEnd, wordEnd } from './values';

const DEPTH_MAX: u32 = 32;
const KEYS_MAX: u32 = 48;

/** Address and length of each key of the objects that are open. */
const keys = <u32>memory.data(8 * 48, 8);
/** Keys of the open objects. */
let key_count: u32 = 0;

/** Behind the object at `from`; 0 when it is not certain to be taken. */
export function safeObjectEnd(from: u32, end: u32): u32 {
  key_count = 0;
  return isAt(from, end, OPEN_BRACE) ? objectEnd(from, end, 1) : 0;
}

function objectEnd(from: u32, end: u32, depth: u32): u32 {
  const first_key = key_count;
  let at = skipSpace(from + 1, end);
  if (isAt(at, end, CLOSE_BRACE)) return at + 1;
  while (true) {
    at = keyEnd(at, end, first_key);
    if (at === 0) return 0;
    at = skipSpace(at, end);
    if (!isAt(at, end, COLON)) return 0;
    at = safeValueEnd(skipSpace(at + 1, end), end, depth);
    if (at === 0) return 0;
    at = skipSpace(at, end);
    if (isAt(at, end, CLOSE_BRACE)) break;
    if (!isAt(at, end, COMMA)) return 0;
    at = skipSpace(at + 1, end);
  }
  key_count = first_key;
  return at + 1;
}

function arrayEnd(from: u32, end: u32, depth: u32): u32 {
  let at = skipSpace(from + 1, end);
  if (isAt(at, end, CLOSE_BRACKET)) return at + 1;
  while (true) {
    at = safeValueEnd(at, end, depth);
    if (at === 0) return 0;
    at = skipSpace(at, end);
    if (isAt(at, end, CLOSE_BRACKET)) return at + 1;
    if (!isAt(at, end, COMMA)) return 0;
    at = skipSpace(at + 1, end);
  }
}

function safeValueEnd(at: u32, end: u32, depth: u32): u32 {
  if (at >= end) return 0;
  const byte = load<u8>(at);
  if (byte === QUOTE) return safeStringEnd(at, end);
  if (byte === MINUS || byte - 0x30 <= 9) {
    const after = numberEnd(at, end);
    return is_small_number ? after : 0;
  }
  if (byte !== OPEN_BRACE && byte !== OPEN_BRACKET) return wordEnd(at, end);
  if (depth === DEPTH_MAX) return 0;
  return byte === OPEN_BRACE ? objectEnd(at, end, depth + 1) : arrayEnd(at, end, depth + 1);
}

function safeStringEnd(at: u32, end: u32): u32 {
  const quote = stringEnd(at + 1, end);
  if (quote === 0 || (has_escape && hasSurrogateEscape(at + 1, quote))) return 0;
  return quote + 1;
}

/** Behind the key at `at`, which is noted; 0 when it is one of its object's earlier ones, or could make a path of two. */
function keyEnd(at: u32, end: u32, first_key: u32): u32 {
  if (!isAt(at, end, QUOTE) || key_count === KEYS_MAX) return 0;
  const start = at + 1;
  const quote = stringEnd(start, end);
  if (quote === 0) return 0;
  const length = quote - start;
  for (let byte = start; byte < quote; byte++) {
    if (load<u8>(byte) === DOT || load<u8>(byte) === BACKSLASH) return 0;
  }
  for (let index = first_key; index < key_count; index++) {
    const known = keys + (index << 3);
    if (load<u32>(known, 4) === length && equalBytes(load<u32>(known), start, length)) return 0;
  }
  const key = keys + (key_count << 3);
  key_count++;
  store<u32>(key, start);
  store<u32>(key, length, 4);
  return quote + 1;
}

/**
 * The outline of a JSON object: the object without spaces, with `s` for each of its texts and `0` for each of its numbers. What one program
 * sends has few outlines, and whoever knows what becomes of one body knows it of all with its outline, as far as it does not depend on
 * what texts and numbers say. Texts that it may depend on are words (`addWord`), which stand in the outline as they are; so does the
 * empty text.
 *
 * What has an outline is JSON, and ClickHouse's JSON type takes its values: numbers are short and without exponent, escapes are no halves of
 * surrogate pairs. Objects that are deep, long, or have escapes in their keys have none. The bytes are UTF-8: the host makes sure of it.
 */
import { copyBytes, loadHead } from './bytes';
import { inputAddress } from './memory';
import { has_escape, hasSurrogateEscape, stringEnd, writeUnescaped } from './strings';
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, isAt, isDigit, MINUS, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace } from './text';
import { is_small_number, numberEnd, wordEnd } from './values';

const DEPTH_MAX: u32 = 32;
const OUTLINE_BYTES_MAX: u32 = 8192;
const TEXTS_MAX: u32 = 512;
const BRANCHES_MAX: u32 = 64;
const SPAN_BYTES: u32 = 8;
/** Set in the end of a text that has escapes. */
const HAS_ESCAPE: u32 = 0x8000_0000;
const TEXT_MARK: u8 = 0x73;
const NUMBER_MARK: u8 = 0x30;

const WORD_BYTES_MAX: u32 = 32;
/** Of one byte. */
const ESCAPE_BYTES_MAX: u32 = 6;
const WORD_SLOTS_LOG2: u32 = 8;
const WORDS_MAX: u32 = 128;
const MULTIPLIER: u64 = 0x9e3779b97f4a7c15;

/** With room behind it for the 16-byte stores of `copyBytes`. */
const outline = <u32>memory.data(8192 + 64, 16);
/** Start and end, relative to the input, of what stands in the outline as `s`, without its quotes. */
const texts = <u32>memory.data(8 * 512, 8);
/** Start and end of the objects and arrays that are members of the outermost object. */
const branches = <u32>memory.data(8 * 64, 8);
/** Words, zero-padded: no text has a zero byte. Open addressing, a free slot is all zeros. */
const words = <u32>memory.data(32 * 256, 16);
/** Where the host puts a word. */
const new_word = <u32>memory.data(32 + 16, 16);
/** A text without its escapes, with room for the 16-byte stores behind it. */
const unescaped = <u32>memory.data(32 * 6 + 16, 16);
let word_count: u32 = 0;

/** Behind what is written of the outline. */
let out: u32 = 0;
let text_count: u32 = 0;
let branch_count: u32 = 0;

export function outlineAddress(): u32 {
  return outline;
}

export function outlineTextsAddress(): u32 {
  return texts;
}

export function outlineBranchesAddress(): u32 {
  return branches;
}

export function newWordAddress(): u32 {
  return new_word;
}

/** The slot of the text of 1 to WORD_BYTES_MAX bytes at `address`, or the free one where it belongs. */
function wordSlot(address: u32, length: u32): u32 {
  const low = loadHead(address, min(length, 16));
  const high = loadHead(address + 16, length > 16 ? length - 16 : 0);
  const both = v128.xor(low, high);
  const mixed = <u64>(i64x2.extract_lane(both, 0) ^ rotl(i64x2.extract_lane(both, 1), 32)) * MULTIPLIER;
  let slot = <u32>(mixed >> (64 - WORD_SLOTS_LOG2));
  while (true) {
    const word = words + slot * WORD_BYTES_MAX;
    const difference = v128.or(v128.xor(v128.load(word), low), v128.xor(v128.load(word, 16), high));
    if (!v128.any_true(difference) || load<u8>(word) === 0) return word;
    slot = (slot + 1) & ((1 << WORD_SLOTS_LOG2) - 1);
  }
}

/** Makes the text of so many bytes at `newWordAddress` a word; false when it is too long, or one too many. */
export function addWord(length: u32): bool {
  if (length === 0) return true;
  if (length > WORD_BYTES_MAX || word_count === WORDS_MAX) return false;
  const word = wordSlot(new_word, length);
  if (load<u8>(word) !== 0) return true;
  word_count++;
  memory.copy(word, new_word, length);
  return true;
}

function isWord(start: u32, length: u32): bool {
  return length === 0 || (length <= WORD_BYTES_MAX && load<u8>(wordSlot(start, length)) !== 0);
}

/** Whether the text in [start, end), which has escapes, stands for a word: in the outline it would look like any other text. */
function isWordInDisguise(start: u32, end: u32): bool {
  if (end - start > WORD_BYTES_MAX * ESCAPE_BYTES_MAX) return false;
  return isWord(unescaped, writeUnescaped(start, end, unescaped) - unescaped);
}

/** Writes the outline of the object in [offset, offset + length) of the input; its length, or 0 when there is none. */
export function outlineOf(offset: u32, length: u32): u32 {
  const end = inputAddress() + offset + length;
  out = outline;
  text_count = 0;
  branch_count = 0;
  const start = skipSpace(inputAddress() + offset, end);
  if (!isAt(start, end, OPEN_BRACE)) return 0;
  const after = objectEnd(start, end, 1);
  return after !== 0 && skipSpace(after, end) === end ? out - outline : 0;
}

/** Appends one byte; the caller has seen to the room for it. */
function put(byte: u8): void {
  store<u8>(out++, byte);
}

/** Whether so many bytes can be appended, and some marks behind them. */
function hasRoom(bytes: u32): bool {
  return out - outline + bytes + 8 <= OUTLINE_BYTES_MAX;
}

function setSpan(spans: u32, index: u32, start: u32, end: u32): void {
  const span = spans + index * SPAN_BYTES;
  store<u32>(span, start - inputAddress());
  store<u32>(span, end - inputAddress(), 4);
}

/** Appends the text in [start, end) with its quotes. */
function putQuoted(start: u32, end: u32): void {
  put(QUOTE);
  copyBytes(out, start, end - start);
  out += end - start;
  put(QUOTE);
}

function objectEnd(from: u32, end: u32, depth: u32): u32 {
  put(OPEN_BRACE);
  let at = skipSpace(from + 1, end);
  if (isAt(at, end, CLOSE_BRACE)) {
    put(CLOSE_BRACE);
    return at + 1;
  }
  while (true) {
    at = keyEnd(at, end);
    if (at === 0) return 0;
    at = skipSpace(at, end);
    if (!isAt(at, end, COLON)) return 0;
    put(COLON);
    at = valueEnd(skipSpace(at + 1, end), end, depth);
    if (at === 0) return 0;
    at = skipSpace(at, end);
    if (isAt(at, end, CLOSE_BRACE)) break;
    if (!isAt(at, end, COMMA)) return 0;
    put(COMMA);
    at = skipSpace(at + 1, end);
  }
  put(CLOSE_BRACE);
  return at + 1;
}

function arrayEnd(from: u32, end: u32, depth: u32): u32 {
  put(OPEN_BRACKET);
  let at = skipSpace(from + 1, end);
  if (isAt(at, end, CLOSE_BRACKET)) {
    put(CLOSE_BRACKET);
    return at + 1;
  }
  while (true) {
    at = valueEnd(at, end, depth);
    if (at === 0) return 0;
    at = skipSpace(at, end);
    if (isAt(at, end, CLOSE_BRACKET)) break;
    if (!isAt(at, end, COMMA)) return 0;
    put(COMMA);
    at = skipSpace(at + 1, end);
  }
  put(CLOSE_BRACKET);
  return at + 1;
}

/** Behind the key whose quote should be at `at`; 0 when it has escapes, or there is none. */
function keyEnd(at: u32, end: u32): u32 {
  if (!isAt(at, end, QUOTE)) return 0;
  const quote = stringEnd(at + 1, end);
  if (quote === 0 || has_escape || !hasRoom(quote - at)) return 0;
  putQuoted(at + 1, quote);
  return quote + 1;
}

/** @param depth of the container that the value is in */
function valueEnd(at: u32, end: u32, depth: u32): u32 {
  if (at >= end || !hasRoom(0)) return 0;
  const byte = load<u8>(at);
  if (byte === QUOTE) return textEnd(at + 1, end);
  if (byte === MINUS || isDigit(byte)) {
    const after = numberEnd(at, end);
    put(NUMBER_MARK);
    return is_small_number ? after : 0;
  }
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return depth === 1 ? branchEnd(at, end) : containerEnd(at, end, depth);
  const after = wordEnd(at, end);
  if (after === 0) return 0;
  copyBytes(out, at, after - at);
  out += after - at;
  return after;
}

function containerEnd(at: u32, end: u32, depth: u32): u32 {
  if (depth === DEPTH_MAX) return 0;
  return load<u8>(at) === OPEN_BRACE ? objectEnd(at, end, depth + 1) : arrayEnd(at, end, depth + 1);
}

function branchEnd(at: u32, end: u32): u32 {
  if (branch_count === BRANCHES_MAX) return 0;
  const after = containerEnd(at, end, 1);
  if (after !== 0) setSpan(branches, branch_count++, at, after);
  return after;
}

function textEnd(start: u32, end: u32): u32 {
  const quote = stringEnd(start, end);
  if (quote === 0) return 0;
  if (!has_escape && isWord(start, quote - start)) {
    if (!hasRoom(quote - start)) return 0;
    putQuoted(start, quote);
    return quote + 1;
  }
  if (text_count === TEXTS_MAX || (has_escape && (hasSurrogateEscape(start, quote) || isWordInDisguise(start, quote)))) return 0;
  put(TEXT_MARK);
  setSpan(texts, text_count++, start, has_escape ? quote | HAS_ESCAPE : quote);
  return quote + 1;
}

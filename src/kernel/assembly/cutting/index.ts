/**
 * Finds where the elements of a JSON array end, 64 bytes at a time, while the array arrives, and keeps them until they are a piece.
 *
 * Texts and brackets are all that is looked at: whether an element is JSON is for those to say who parse it. Memory: room for what the
 * host puts in front of a piece, then the window: the elements of the piece as they came, commas and all, and behind them the
 * element in hand. Offsets are relative to the window. Behind it there is room for a block that belongs to nobody.
 */
import { BACKSLASH, CLOSE_BRACE, COMMA, isSpace, OPEN_BRACE, QUOTE } from '../text';

/** What `read` stopped at: the end of what there is. */
const MORE: i32 = 0;
/** An element that does not fit into the piece; the piece ends before it. */
const PIECE: i32 = 1;
/** The array's end. */
const ENDED: i32 = 2;
/** A place where an element should be and is not. */
const NOTHING: i32 = 3;
const TOO_DEEP: i32 = 4;
/** Only here: an element that was taken out, and what is behind it is in its place. */
const SKIPPED: i32 = 5;

const FRONT_BYTES: u32 = 64;
const BLOCK_BYTES: u32 = 64;
/** What a bracket and its brace differ in; no other byte becomes a brace by it. */
const BRACE_BIT: u8 = 0x20;
const EVEN_BITS: u64 = 0x5555_5555_5555_5555;

const window_start: u32 = ((<u32>__heap_base + 15) & ~15) + FRONT_BYTES;
let piece_bytes_max: u32 = 0;
let element_bytes_max: u32 = 0;
let depth_max: i32 = 0;
/** How much of the window there is, and how much of that was read. */
let filled: u32 = 0;
let at: u32 = 0;
let element_start: u32 = 0;
/** Behind the piece's last element; meaningless while it has none. */
let piece_end: u32 = 0;
let has_piece: bool = false;
/** Open brackets within the array. */
let depth: i32 = 0;
/** All ones within a text. */
let in_text: u64 = 0;
/** 1 when the last byte escapes the next one. */
let is_escaping: u64 = 0;
/** Whether the element in hand is too large, and what was taken out of it was more than white space. */
let is_skipping: bool = false;
let has_content: bool = false;
let commas: u32 = 0;
let skipped: u32 = 0;

/** Begins anew, behind the bracket that opens an array. */
export function begin(piece_max: u32, element_max: u32, depth_limit: i32): void {
  piece_bytes_max = piece_max;
  element_bytes_max = element_max;
  depth_max = depth_limit;
  filled = 0;
  at = 0;
  has_piece = false;
  depth = 0;
  in_text = 0;
  is_escaping = 0;
  commas = 0;
  skipped = 0;
  beginElement(0);
}

export function windowAddress(): u32 {
  return window_start;
}

/** Where the next bytes go, of which there may be so many; 0 when there is no memory. */
export function room(bytes: u32): u32 {
  const address = window_start + filled;
  const pages = <i32>((address + bytes + BLOCK_BYTES + 0xffff) >> 16);
  return pages <= memory.size() || memory.grow(pages - memory.size()) >= 0 ? address : 0;
}

/** Bytes of the piece; 0 when it has no element. */
export function pieceBytes(): u32 {
  return has_piece ? piece_end : 0;
}

/** Bytes behind where it stopped. */
export function unread(): u32 {
  return filled - at;
}

/** Elements that were too large. */
export function elementsSkipped(): u32 {
  return skipped;
}

/** Reads on, with so many bytes more. */
export function read(bytes: u32): i32 {
  filled += bytes;
  while (at < filled) {
    const result = readBlock(min(filled - at, BLOCK_BYTES));
    if (result !== MORE && result !== SKIPPED) return result;
  }
  if (filled - element_start > element_bytes_max) skip();
  if (is_skipping) {
    has_content = has_content || !isBlank(element_start, filled);
    filled = element_start;
    at = filled;
  }
  return MORE;
}

/** The host has the piece: what is behind it begins the next one. */
export function dropPiece(): void {
  takeOut(0, element_start);
  beginElement(0);
  has_piece = false;
}

function beginElement(start: u32): void {
  element_start = start;
  is_skipping = false;
  has_content = false;
}

/** Takes [from, to) out of the window. */
function takeOut(from: u32, to: u32): void {
  memory.copy(window_start + from, window_start + to, filled - to);
  filled -= to - from;
  at -= to - from;
}

function skip(): void {
  if (!is_skipping) skipped++;
  is_skipping = true;
}

function isBlank(from: u32, to: u32): bool {
  // Backwards: what came last is most likely no white space.
  for (let end = to; end > from; end--) if (!isSpace(load<u8>(window_start + end - 1))) return false;
  return true;
}

/** A bit for each byte of the four vectors that is `byte`. */
function equal(a: v128, b: v128, c: v128, d: v128, byte: u8): u64 {
  const wanted = i8x16.splat(byte);
  const low = <u32>i8x16.bitmask(i8x16.eq(a, wanted)) | ((<u32>i8x16.bitmask(i8x16.eq(b, wanted))) << 16);
  const high = <u32>i8x16.bitmask(i8x16.eq(c, wanted)) | ((<u32>i8x16.bitmask(i8x16.eq(d, wanted))) << 16);
  return <u64>low | ((<u64>high) << 32);
}

/** A bit for each byte that a backslash before it escapes. The first of a row of backslashes escapes the second, the third the fourth. */
function escapedBytes(all_backslashes: u64, count: u32): u64 {
  const backslashes = all_backslashes & ~is_escaping;
  const followers = (backslashes << 1) | is_escaping;
  const odd_starts = backslashes & ~EVEN_BITS & ~followers;
  const sum = odd_starts + backslashes;
  const escaped = (EVEN_BITS ^ (sum << 1)) & followers;
  is_escaping = count === BLOCK_BYTES ? u64(sum < backslashes) : (escaped >> count) & 1;
  return escaped;
}

/** A bit for each byte from a quote on to before the next one, which ends it. */
function betweenQuotes(quotes: u64): u64 {
  let bits = quotes;
  bits ^= bits << 1;
  bits ^= bits << 2;
  bits ^= bits << 4;
  bits ^= bits << 8;
  bits ^= bits << 16;
  bits ^= bits << 32;
  return bits;
}

/** Reads `count` bytes, at most a block. */
function readBlock(count: u32): i32 {
  const address = window_start + at;
  const a = v128.load(address);
  const b = v128.load(address, 16);
  const c = v128.load(address, 32);
  const d = v128.load(address, 48);
  const valid: u64 = count === BLOCK_BYTES ? ~(<u64>0) : ((<u64>1) << count) - 1;
  const backslashes = equal(a, b, c, d, BACKSLASH) & valid;
  let quotes = equal(a, b, c, d, QUOTE) & valid;
  if ((backslashes | is_escaping) !== 0) quotes &= ~escapedBytes(backslashes, count);
  const texts = betweenQuotes(quotes) ^ in_text;
  in_text = <u64>(<i64>texts >> 63);
  const outside = ~texts & valid;
  const brace_bit = i8x16.splat(BRACE_BIT);
  const a_folded = v128.or(a, brace_bit);
  const b_folded = v128.or(b, brace_bit);
  const c_folded = v128.or(c, brace_bit);
  const d_folded = v128.or(d, brace_bit);
  const opening = equal(a_folded, b_folded, c_folded, d_folded, OPEN_BRACE) & outside;
  const closing = equal(a_folded, b_folded, c_folded, d_folded, CLOSE_BRACE) & outside;
  if ((opening | closing) === 0 && depth > 0) {
    at += count;
    return MORE;
  }
  const result = walk(opening, closing, equal(a, b, c, d, COMMA) & outside);
  if (result === MORE) at += count;
  return result;
}

/** Goes through the brackets of the block at `at`, and through the commas between elements. */
function walk(opening: u64, closing: u64, separating: u64): i32 {
  let brackets = opening | closing;
  let ahead: u64 = ~(<u64>0);
  while (true) {
    const bracket = brackets & (0 - brackets);
    if (depth === 0) {
      let separators = separating & ahead & (bracket - 1);
      for (; separators !== 0; separators &= separators - 1) {
        const result = endElement(at + <u32>ctz(separators), true);
        if (result !== MORE) return result;
      }
    }
    if (bracket === 0) return MORE;
    if ((opening & bracket) !== 0) {
      if (++depth > depth_max) return TOO_DEEP;
    } else if (depth === 0) {
      return endElement(at + <u32>ctz(bracket), false);
    } else {
      depth--;
    }
    ahead = ~(bracket | (bracket - 1));
    brackets &= brackets - 1;
  }
}

/** The element in hand ends before the comma, or the array's bracket, at `end`. Whatever stops here is outside of a text. */
function endElement(end: u32, is_comma: bool): i32 {
  if (end - element_start > element_bytes_max) skip();
  const is_blank = !has_content && isBlank(element_start, end);
  if (is_blank && (is_comma || commas > 0)) return NOTHING;
  if (!is_skipping && !is_blank) {
    if (has_piece && end > piece_bytes_max) return stopAt(end, PIECE);
    has_piece = true;
    piece_end = end;
  }
  if (!is_comma) return stopAt(end, ENDED);
  commas++;
  if (!is_skipping) {
    beginElement(end + 1);
    return MORE;
  }
  stopAt(end + 1, SKIPPED);
  takeOut(element_start, end + 1);
  beginElement(element_start);
  return SKIPPED;
}

function stopAt(end: u32, result: i32): i32 {
  at = end;
  in_text = 0;
  is_escaping = 0;
  return result;
}

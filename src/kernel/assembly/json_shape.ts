/**
 * Shapes of JSON texts. What one program sends has few: the same keys in the same order, with other values. A shape is learned
 * from a text that `guard.ts` has proven, and is the text without its strings, numbers and words: the pieces between them, keys
 * and all. A text whose pieces are the same, and whose values are plain, is proven by that; and it is unescaped on the way.
 *
 * ```
 *  0 u32 pieces, 0 when there is no shape     4 is a text: the body has it as a string, where quotes are escaped
 * 16 per piece, 112 bytes: 32 bytes as the body has them, zero-padded; 32 bytes of their mask; 32 bytes unescaped;
 *    u32 length as the body has it, u32 length unescaped, u32 whether it is the last
 * ```
 */
import { loadHead } from './bytes';
import { quoteBytes, specialBytes } from './strings';
import { BACKSLASH, COLON, DOT, isAt, isDigit, MINUS, QUOTE, skipSpace } from './text';

const PIECES_MAX: u32 = 9;
const PIECE_BYTES: u32 = 112;
const PIECE_TEXT_BYTES_MAX: u32 = 32;
const SHAPE_BYTES_LOG2: u32 = 10;
const SHAPES_LOG2: u32 = 5;
const MULTIPLIER: u64 = 0x9e3779b97f4a7c15;
const ESCAPED_QUOTE: u16 = 0x225c;
const TRUE: u32 = 0x65757274;
const FALSE: u32 = 0x736c6166;
const NULL: u32 = 0x6c6c756e;

/** Room that `shapedEnd` needs: a longer text has no shape. */
export const SHAPED_BYTES_MAX: u32 = 2048;
/** What a piece and a number may write before the room is looked at again. */
const STEP_BYTES_MAX: u32 = 96;

/** Learning costs as much as the proof did, so that it must pay within each slab: what is found earns what is learned. */
const CREDIT_MAX: u32 = 64;
const CREDIT_PER_FIND: u32 = 4;

const shapes = <u32>memory.data(1024 * 32, 16);
let credit: u32 = CREDIT_MAX;
/** Behind what `shapedEnd` wrote. */
export let shaped_text_end: u32 = 0;

/** Begins a slab. The shapes stay: what they prove does not depend on it. */
export function beginShapes(): void {
  credit = CREDIT_MAX;
}

/** Shapes that begin with the same key are in two places. */
function firstShape(start: u32): u32 {
  const chunk = v128.load(start);
  const quotes = quoteBytes(chunk);
  const key = loadHead(start, min(ctz(quotes & (quotes - 1)), 16));
  const folded = v128.xor(key, v128.shuffle<u32>(key, key, 3, 2, 3, 2));
  const mixed = <u64>i64x2.extract_lane(folded, 0) * MULTIPLIER;
  return shapes + ((<u32>(mixed >> (64 - SHAPES_LOG2)) & ~1) << SHAPE_BYTES_LOG2);
}

/**
 * Unescapes the JSON text that begins at `start` to `to`, where there is room for SHAPED_BYTES_MAX.
 *
 * @param is_text whether a quote ends it
 * @returns behind the text and its quote; 0 when it has no known shape
 */
export function shapedEnd(start: u32, to: u32, is_text: bool): u32 {
  const shape = firstShape(start);
  const after = walk(shape, start, to, is_text);
  return after !== 0 ? after : walk(shape + (1 << SHAPE_BYTES_LOG2), start, to, is_text);
}

function walk(shape: u32, start: u32, to: u32, is_text: bool): u32 {
  if (load<u32>(shape) === 0) return 0;
  if (load<u32>(shape, 4) !== u32(is_text)) return 0;
  const limit = to + SHAPED_BYTES_MAX - STEP_BYTES_MAX;
  const quote: u32 = is_text ? BACKSLASH : QUOTE;
  let at = start;
  let out = to;
  let piece = shape + 16;
  while (isPieceAt(piece, at)) {
    v128.store(out, v128.load(piece, 64));
    v128.store(out, v128.load(piece, 80), 16);
    at += load<u32>(piece, 96);
    out += load<u32>(piece, 100);
    if (load<u32>(piece, 104) !== 0) {
      credit = min(credit + CREDIT_PER_FIND, CREDIT_MAX);
      shaped_text_end = out;
      return at;
    }
    if (out > limit) return 0;
    const value = at;
    const byte: u32 = load<u8>(at);
    if (byte - 0x30 <= 9) {
      at = writeDigits(at, out);
      out += at - value;
    } else if (byte === quote) {
      at = writeString(at, out, limit, is_text);
      out += at - value - (is_text ? 2 : 0);
    } else {
      at = byte === MINUS ? writeNegative(at, out) : writeWord(at, out);
      out += at - value;
    }
    if (at === 0) return 0;
    piece += PIECE_BYTES;
  }
  return 0;
}

function isPieceAt(piece: u32, at: u32): bool {
  const low = i8x16.eq(v128.and(v128.load(at), v128.load(piece, 32)), v128.load(piece));
  const high = i8x16.eq(v128.and(v128.load(at, 16), v128.load(piece, 48)), v128.load(piece, 16));
  return i8x16.bitmask(v128.and(low, high)) === 0xffff;
}

/** Digits at the beginning of a chunk, up to 16. */
function leadingDigits(chunk: v128): u32 {
  const digits = i8x16.bitmask(i8x16.le_u(i8x16.sub(chunk, i8x16.splat(0x30)), i8x16.splat(9)));
  return ctz(~digits);
}

/** Copies the number at `from`, which has no sign; behind it, or 0 where it is none, or too long to be certain of. An exponent is not looked at. */
function writeDigits(from: u32, to: u32): u32 {
  const chunk = v128.load(from);
  v128.store(to, chunk);
  const digits = leadingDigits(chunk);
  if (digits - 1 > 14) return 0;
  if (load<u8>(from) === 0x30) {
    if (digits > 1) return 0;
  }
  const at = from + digits;
  return load<u8>(at) === DOT ? writeFraction(at, to + digits) : at;
}

function writeFraction(from: u32, to: u32): u32 {
  const fraction = v128.load(from + 1);
  store<u8>(to, DOT);
  v128.store(to + 1, fraction);
  const digits = leadingDigits(fraction);
  return digits - 1 > 14 ? 0 : from + 1 + digits;
}

function writeNegative(from: u32, to: u32): u32 {
  store<u8>(to, MINUS);
  return writeDigits(from + 1, to + 1);
}

/** Copies the string at `from`, without the backslashes of its quotes; behind it, or 0 where it has escapes itself. */
function writeString(from: u32, to: u32, limit: u32, is_text: bool): u32 {
  const quote_bytes: u32 = is_text ? 2 : 1;
  if (is_text && load<u16>(from) !== ESCAPED_QUOTE) return 0;
  let at = from + quote_bytes;
  let out = to + 1;
  store<u8>(to, QUOTE);
  while (out <= limit) {
    const chunk = v128.load(at);
    v128.store(out, chunk);
    const special = specialBytes(chunk);
    if (special === 0) {
      at += 16;
      out += 16;
      continue;
    }
    at += ctz(special);
    out += ctz(special);
    const is_end = is_text ? load<u16>(at) === ESCAPED_QUOTE : load<u8>(at) === QUOTE;
    store<u8>(out, QUOTE);
    return is_end ? at + quote_bytes : 0;
  }
  return 0;
}

function writeWord(from: u32, to: u32): u32 {
  const word = load<u32>(from);
  store<u64>(to, load<u64>(from));
  if (word === TRUE || word === NULL) return from + 4;
  return word === FALSE && load<u8>(from, 4) === 0x65 ? from + 5 : 0;
}

/** Takes the text in [start, end), which is proven, as an example of its shape; the shape that was in its place gets the second. */
export function learnShape(start: u32, end: u32, is_text: bool): void {
  if (credit === 0) return;
  credit--;
  const shape = firstShape(start);
  memory.copy(shape + (1 << SHAPE_BYTES_LOG2), shape, 1 << SHAPE_BYTES_LOG2);
  store<u32>(shape, 0);
  store<u32>(shape, u32(is_text), 4);
  let pieces: u32 = 0;
  let piece_start = start;
  let at = start;
  while (at < end) {
    const after = valueEnd(at, end, is_text);
    if (after === at) at++;
    else if (after === 0 || pieces === PIECES_MAX - 1) return;
    else if (isAt(skipSpace(after, end), end, COLON)) at = after;
    else {
      if (!setPiece(shape, pieces++, piece_start, at, 0)) return;
      at = after;
      piece_start = at;
    }
  }
  const quote_bytes = u32(is_text);
  if (!setPiece(shape, pieces, piece_start, end + quote_bytes, quote_bytes)) return;
  store<u32>(shape + 16 + pieces * PIECE_BYTES, 1, 104);
  store<u32>(shape, pieces + 1);
}

/** Behind the string, number or word at `at`; `at` where there is none, 0 where a value is not plain. */
function valueEnd(from: u32, end: u32, is_text: bool): u32 {
  const byte = load<u8>(from);
  if (byte === QUOTE || byte === BACKSLASH) return plainStringEnd(from, end, is_text);
  let at = from;
  while (at < end && (isDigit(load<u8>(at)) || load<u8>(at) === MINUS || load<u8>(at) === DOT)) at++;
  while (at < end && load<u8>(at) - 0x61 < 26) at++;
  return at;
}

function plainStringEnd(from: u32, end: u32, is_text: bool): u32 {
  const quote_bytes: u32 = is_text ? 2 : 1;
  if (is_text && load<u16>(from) !== ESCAPED_QUOTE) return 0;
  let at = from + quote_bytes;
  while (at < end && load<u8>(at) !== QUOTE && load<u8>(at) !== BACKSLASH) at++;
  const is_end = is_text ? load<u16>(at) === ESCAPED_QUOTE : load<u8>(at) === QUOTE;
  return at < end && is_end ? at + quote_bytes : 0;
}

/** Makes [start, end) a piece, of which the last `tail_bytes` are not part of the unescaped text; false when it is too long. */
function setPiece(shape: u32, index: u32, start: u32, end: u32, tail_bytes: u32): bool {
  if (end - start > PIECE_TEXT_BYTES_MAX) return false;
  const piece = shape + 16 + index * PIECE_BYTES;
  memory.fill(piece, 0, PIECE_BYTES);
  let plain = piece + 64;
  for (let at = start; at < end; at++) {
    const byte = load<u8>(at);
    store<u8>(piece + at - start, byte);
    store<u8>(piece + at - start, 0xff, 32);
    if (byte !== BACKSLASH && at < end - tail_bytes) store<u8>(plain++, byte);
  }
  store<u32>(piece, end - start, 96);
  store<u32>(piece, plain - piece - 64, 100);
  return true;
}

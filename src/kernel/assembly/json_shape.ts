/**
 * Shapes of JSON texts. What one program sends has few: the same keys in the same order, with other values. A shape is learned
 * from a text that `guard.ts` has proven, and is the text without its strings, numbers and words: the pieces between them, keys
 * and all. A text whose pieces are the same, and whose values are plain, is proven by that; and it is unescaped on the way.
 *
 * ```
 *  0 u32 bytes of a quote in the body, 0 when there is no shape
 * 16 per piece, 80 bytes: 32 bytes as the body has them, zero-padded; 32 bytes unescaped; u32 a bit for each of the 32 behind the piece,
 *    u32 length as the body has it, u32 length unescaped, u32 whether it is the last
 * ```
 */
import { foldedBytes, loadHead } from './bytes';
import { BYTES, writeVaruint } from './columns';
import { fieldColumn, noteColumn } from './program';
import { digitBytes, quoteBytes, specialBytes } from './strings';
import { BACKSLASH, COLON, DOT, isAt, isDigit, MINUS, QUOTE, skipSpace } from './text';
import { setVectorEnd, vectorEnd } from './vector';

/** Of a text that the body has as a string, where quotes are escaped; and of one that it has as it is. As wide as a quote is there. */
type Escaped = u16;
type Plain = u8;

const PIECES_MAX: u32 = 12;
const PIECE_BYTES: u32 = 80;
const PIECE_TEXT_BYTES_MAX: u32 = 32;
const SHAPE_BYTES_LOG2: u32 = 10;
const SHAPES_LOG2: u32 = 5;
const ESCAPED_QUOTE: u16 = 0x225c;
const TRUE: u32 = 0x65757274;
const FALSE: u32 = 0x736c6166;
const NULL: u32 = 0x6c6c756e;
const ZERO: u8 = 0x30;
/** A number with more before or behind its dot is left to the proof: its end would not be in sight, and it may be too large. */
const DIGITS_MAX: u32 = 15;

/** A longer text has no shape. */
const SHAPED_BYTES_MAX: u32 = 2048;
/** Room that `appendShaped` needs. */
export const SHAPED_ROOM_BYTES: u32 = SHAPED_BYTES_MAX + 2;
/** A text up to this length has one byte of length before it. */
const SHORT_BYTES_MAX: u32 = 127;
/** What a piece and a number may write before the room is looked at again. */
const STEP_BYTES_MAX: u32 = 96;

/** Learning costs as much as the proof did, so that it must pay within each slab: what is found earns what is learned. */
const CREDIT_MAX: u32 = 64;
const CREDIT_PER_FIND: u32 = 4;

const shapes = <u32>memory.data(1024 * 32, 16);
let credit: u32 = CREDIT_MAX;

/** Begins a slab. The shapes stay: what they prove does not depend on it. */
export function beginShapes(): void {
  credit = CREDIT_MAX;
}

/** Shapes that begin with the same key are in two places. */
function firstShape(start: u32): u32 {
  const chunk = v128.load(start);
  const quotes = quoteBytes(chunk);
  const key_end = ctz((quotes & (quotes - 1)) | 0x10000);
  const place = <u32>(foldedBytes(loadHead(start, key_end)) >> (64 - SHAPES_LOG2)) & ~1;
  return shapes + (place << SHAPE_BYTES_LOG2);
}

/**
 * Appends the JSON text that begins at `start`, where the body has it as a string, to the column of a field, unescaped. There is room
 * for SHAPED_ROOM_BYTES.
 *
 * @returns behind the text and its quote; 0 when it has no known shape
 */
export function appendShapedText(field: u32, start: u32): u32 {
  return appendShaped<Escaped>(field, start);
}

/** The same where the body has it as an object. */
export function appendShapedObject(field: u32, start: u32): u32 {
  return appendShaped<Plain>(field, start);
}

/** Nothing is called in here, for the reason that `texts.ts` has. */
function appendShaped<Mark>(field: u32, start: u32): u32 {
  const bytes = fieldColumn(field) + BYTES;
  const to = vectorEnd(bytes) + 1;
  const limit = to + SHAPED_BYTES_MAX - STEP_BYTES_MAX;
  const first = firstShape(start);
  for (let shape = first; shape <= first + (1 << SHAPE_BYTES_LOG2); shape += 1 << SHAPE_BYTES_LOG2) {
    if (load<u32>(shape) !== sizeof<Mark>()) continue;
    let at = start;
    let out = to;
    let piece = shape + 16;
    while (isPieceAt(piece, at)) {
      v128.store(out, v128.load(piece, 32));
      v128.store(out, v128.load(piece, 48), 16);
      at += load<u32>(piece, 68);
      out += load<u32>(piece, 72);
      if (load<u32>(piece, 76) !== 0) {
        if (credit < CREDIT_MAX) credit = min(credit + CREDIT_PER_FIND, CREDIT_MAX);
        noteColumn(field, to - 1);
        setVectorEnd(bytes, endText(to, out));
        return at;
      }
      if (out > limit) break;
      const value = at;
      const byte: u32 = load<u8>(at);
      if (byte - MINUS <= 0x39 - MINUS) {
        const sign_bytes = u32(byte === MINUS);
        const first = at + sign_bytes;
        const chunk = v128.load(first);
        store<u8>(out, MINUS);
        v128.store(out + sign_bytes, chunk);
        const digits = leadingDigits(chunk);
        if (digits - 1 >= u32(load<u8>(first) === ZERO ? 1 : DIGITS_MAX)) break;
        at = first + digits;
        if (load<u8>(at) === DOT) at = writeFraction(at, out + sign_bytes + digits);
      } else if (byte === (sizeof<Mark>() === 2 ? BACKSLASH : QUOTE)) {
        at = writeString<Mark>(at, out, limit);
        out -= sizeof<Mark>() === 2 ? 2 : 0;
      } else {
        at = writeWord(at, out);
      }
      if (at === 0) break;
      out += at - value;
      piece += PIECE_BYTES;
    }
  }
  return 0;
}

/** Writes its length before the text in [start, end), for which one byte is left there; behind the text. */
function endText(start: u32, end: u32): u32 {
  const length = end - start;
  if (length <= SHORT_BYTES_MAX) {
    store<u8>(start - 1, length);
    return end;
  }
  memory.copy(start + 1, start, length);
  return writeVaruint(start - 1, length) + length;
}

function isPieceAt(piece: u32, at: u32): bool {
  const low = i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(piece)));
  const high = i8x16.bitmask(i8x16.eq(v128.load(at, 16), v128.load(piece, 16)));
  return (low | (high << 16) | load<u32>(piece, 64)) === 0xffff_ffff;
}

/** Digits at the beginning of a chunk, up to 16. */
function leadingDigits(chunk: v128): u32 {
  return ctz(~digitBytes(chunk));
}

/** Copies the dot at `from` and the digits behind it; behind them, or 0 where there are none, or too many. */
function writeFraction(from: u32, to: u32): u32 {
  const fraction = v128.load(from + 1);
  store<u8>(to, DOT);
  v128.store(to + 1, fraction);
  const digits = leadingDigits(fraction);
  return digits - 1 >= DIGITS_MAX ? 0 : from + 1 + digits;
}

/** Copies the string at `from`, without the backslashes of its quotes; behind it, or 0 where it has escapes itself. */
function writeString<Mark>(from: u32, to: u32, limit: u32): u32 {
  if (sizeof<Mark>() === 2 && load<u16>(from) !== ESCAPED_QUOTE) return 0;
  let at = from + sizeof<Mark>();
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
    const is_end = sizeof<Mark>() === 2 ? load<u16>(at) === ESCAPED_QUOTE : load<u8>(at) === QUOTE;
    store<u8>(out, QUOTE);
    return is_end ? at + sizeof<Mark>() : 0;
  }
  return 0;
}

function writeWord(from: u32, to: u32): u32 {
  const word = load<u32>(from);
  store<u64>(to, load<u64>(from));
  if (word === TRUE || word === NULL) return from + 4;
  return word === FALSE && load<u8>(from, 4) === 0x65 ? from + 5 : 0;
}

/** Takes the text in [start, end), which is proven, and its quote stands behind it, as an example of its shape. */
export function learnText(start: u32, end: u32): void {
  learnShape<Escaped>(start, end);
}

/** The same where the body has it as an object. */
export function learnObject(start: u32, end: u32): void {
  learnShape<Plain>(start, end);
}

/** Takes the text in [start, end), which is proven, as an example of its shape; the shape that was in its place gets the second. */
function learnShape<Mark>(start: u32, end: u32): void {
  if (credit === 0) return;
  credit--;
  const shape = firstShape(start);
  memory.copy(shape + (1 << SHAPE_BYTES_LOG2), shape, 1 << SHAPE_BYTES_LOG2);
  store<u32>(shape, 0);
  let pieces: u32 = 0;
  let piece_start = start;
  let at = start;
  while (at < end) {
    const after = valueEnd<Mark>(at, end);
    if (after === at) at++;
    else if (after === 0 || pieces === PIECES_MAX - 1) return;
    else if (isAt(skipSpace(after, end), end, COLON)) at = after;
    else {
      if (!setPiece(shape, pieces++, piece_start, at, 0)) return;
      at = after;
      piece_start = at;
    }
  }
  // Of an escaped text, the quote that ends it is in the last piece.
  const tail_bytes: u32 = sizeof<Mark>() - 1;
  if (!setPiece(shape, pieces, piece_start, end + tail_bytes, tail_bytes)) return;
  store<u32>(shape + 16 + pieces * PIECE_BYTES, 1, 76);
  store<u32>(shape, sizeof<Mark>());
}

/** Behind the string, number or word at `at`; `at` where there is none, 0 where a value is not plain. */
function valueEnd<Mark>(from: u32, end: u32): u32 {
  const byte = load<u8>(from);
  if (byte === QUOTE || byte === BACKSLASH) return plainStringEnd<Mark>(from, end);
  let at = from;
  while (at < end && (isDigit(load<u8>(at)) || load<u8>(at) === MINUS || load<u8>(at) === DOT)) at++;
  while (at < end && load<u8>(at) - 0x61 < 26) at++;
  return at;
}

function plainStringEnd<Mark>(from: u32, end: u32): u32 {
  if (sizeof<Mark>() === 2 && load<u16>(from) !== ESCAPED_QUOTE) return 0;
  let at = from + sizeof<Mark>();
  while (at < end && load<u8>(at) !== QUOTE && load<u8>(at) !== BACKSLASH) at++;
  const is_end = sizeof<Mark>() === 2 ? load<u16>(at) === ESCAPED_QUOTE : load<u8>(at) === QUOTE;
  return at < end && is_end ? at + sizeof<Mark>() : 0;
}

/** Makes [start, end) a piece, of which the last `tail_bytes` are not part of the unescaped text; false when it is too long. */
function setPiece(shape: u32, index: u32, start: u32, end: u32, tail_bytes: u32): bool {
  if (end - start > PIECE_TEXT_BYTES_MAX) return false;
  const piece = shape + 16 + index * PIECE_BYTES;
  memory.fill(piece, 0, PIECE_BYTES);
  let plain = piece + 32;
  for (let at = start; at < end; at++) {
    const byte = load<u8>(at);
    store<u8>(piece + at - start, byte);
    if (byte !== BACKSLASH && at < end - tail_bytes) store<u8>(plain++, byte);
  }
  store<u32>(piece, <u32>(~(<u64>0) << (end - start)), 64);
  store<u32>(piece, end - start, 68);
  store<u32>(piece, plain - piece - 32, 72);
  return true;
}

/** Strings of JSON: where one ends, whether it is well-formed, and what its escapes stand for. */
import { BACKSLASH, LOWER_U, QUOTE } from './text';

/** Whether the string that `stringEnd` last found has an escape. */
export let has_escape: bool = false;

/** Sixteen times what is looked for, a row each. In memory, since V8 makes a constant vector of three instructions wherever one is used. */
const MARKS = <u32>(
  memory.data<u8>([
    0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c,
    0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f,
    0x1f, 0x1f, 0x1f, 0x1f, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 9, 9, 9, 9, 9,
    9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
  ])
);

/** A bit for each byte of the chunk that can not simply be a part of a string: quotes, backslashes, control characters. */
export function specialBytes(chunk: v128): u32 {
  const marks = v128.or(i8x16.eq(chunk, v128.load(MARKS)), i8x16.eq(chunk, v128.load(MARKS, 16)));
  return i8x16.bitmask(v128.or(marks, i8x16.le_u(chunk, v128.load(MARKS, 32))));
}

/** A bit for each quote of the chunk. */
export function quoteBytes(chunk: v128): u32 {
  return i8x16.bitmask(i8x16.eq(chunk, v128.load(MARKS)));
}

/** A bit for each digit of the chunk. */
export function digitBytes(chunk: v128): u32 {
  return i8x16.bitmask(i8x16.le_u(i8x16.sub(chunk, v128.load(MARKS, 48)), v128.load(MARKS, 64)));
}

/** The address of the quote that ends the string whose first byte is at `from`; 0 when it is malformed or does not end. */
export function stringEnd(from: u32, end: u32): u32 {
  has_escape = false;
  let at = from;
  while (at < end) {
    const mask = specialBytes(v128.load(at));
    if (mask === 0) {
      at += 16;
      continue;
    }
    at += ctz(mask);
    if (at >= end) return 0;
    const byte = load<u8>(at);
    if (byte === QUOTE) return at;
    if (byte !== BACKSLASH) return 0;
    has_escape = true;
    at = escapeEnd(at, end);
    if (at === 0) return 0;
  }
  return 0;
}

/** Behind the escape at `at`; 0 when it is none. */
function escapeEnd(at: u32, end: u32): u32 {
  if (at + 2 > end) return 0;
  const kind = load<u8>(at, 1);
  if (kind === QUOTE || kind === BACKSLASH) return at + 2;
  return longEscapeEnd(at, end, kind);
}

function longEscapeEnd(at: u32, end: u32, kind: u8): u32 {
  if (kind !== LOWER_U) return simpleEscape(kind) === 0 ? 0 : at + 2;
  return at + 6 <= end && hexadecimal(at + 2) >= 0 ? at + 6 : 0;
}

/** What a short escape stands for; 0 when there is no such escape. */
function simpleEscape(kind: u8): u8 {
  switch (kind) {
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    case 0x2f:
    case QUOTE:
    case BACKSLASH:
      return kind;
    default:
      return 0;
  }
}

/** The value of the four hexadecimal digits at `at`, or -1. */
function hexadecimal(at: u32): i32 {
  let value: i32 = 0;
  for (let index: u32 = 0; index < 4; index++) {
    const byte: i32 = load<u8>(at + index);
    const letter = (byte | 0x20) - 0x57;
    if (byte >= 0x30 && byte <= 0x39) value = (value << 4) | (byte - 0x30);
    else if (letter >= 10 && letter <= 15) value = (value << 4) | letter;
    else return -1;
  }
  return value;
}

/** Whether one of the escapes of a well-formed string is a half of a surrogate pair. */
export function hasSurrogateEscape(from: u32, end: u32): bool {
  let at = from;
  while (at < end) {
    if (load<u8>(at) !== BACKSLASH) {
      at++;
      continue;
    }
    if (load<u8>(at, 1) === LOWER_U && (hexadecimal(at + 2) & 0xf800) === 0xd800) return true;
    at += 2;
  }
  return false;
}

/**
 * Writes what the well-formed string in [from, end) stands for, as UTF-8 of no more bytes than it has, to `to`.
 *
 * @returns behind what was written; 0 when there is half a surrogate pair, which has no UTF-8
 */
export function writeUnescaped(from: u32, end: u32, to: u32): u32 {
  let at = from;
  let out = to;
  while (at < end) {
    const chunk = v128.load(at);
    v128.store(out, chunk);
    const mask = i8x16.bitmask(i8x16.eq(chunk, i8x16.splat(BACKSLASH)));
    const plain = min(mask === 0 ? 16 : ctz(mask), end - at);
    at += plain;
    out += plain;
    if (mask === 0 || at >= end) continue;
    const kind = load<u8>(at, 1);
    if (kind !== LOWER_U) {
      store<u8>(out++, kind === QUOTE || kind === BACKSLASH ? kind : simpleEscape(kind));
      at += 2;
      continue;
    }
    let code: u32 = hexadecimal(at + 2);
    at += 6;
    if ((code & 0xf800) === 0xd800) {
      if (code >= 0xdc00 || at + 6 > end || load<u16>(at) !== 0x755c) return 0;
      const low: u32 = hexadecimal(at + 2);
      if ((low & 0xfc00) !== 0xdc00) return 0;
      code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
      at += 6;
    }
    out = writeUtf8(code, out);
  }
  return out;
}

function writeUtf8(code: u32, to: u32): u32 {
  if (code < 0x80) {
    store<u8>(to, code);
    return to + 1;
  }
  if (code < 0x800) {
    store<u8>(to, 0xc0 | (code >> 6));
    store<u8>(to, 0x80 | (code & 0x3f), 1);
    return to + 2;
  }
  if (code < 0x10000) {
    store<u8>(to, 0xe0 | (code >> 12));
    store<u8>(to, 0x80 | ((code >> 6) & 0x3f), 1);
    store<u8>(to, 0x80 | (code & 0x3f), 2);
    return to + 3;
  }
  store<u8>(to, 0xf0 | (code >> 18));
  store<u8>(to, 0x80 | ((code >> 12) & 0x3f), 1);
  store<u8>(to, 0x80 | ((code >> 6) & 0x3f), 2);
  store<u8>(to, 0x80 | (code & 0x3f), 3);
  return to + 4;
}

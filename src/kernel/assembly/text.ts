/** The characters that JSON is made of, and its white space. */

export const QUOTE: u8 = 0x22;
export const COMMA: u8 = 0x2c;
/** One right behind the other, as a u16. */
export const COMMA_AND_QUOTE: u16 = 0x222c;
export const MINUS: u8 = 0x2d;
export const DOT: u8 = 0x2e;
export const COLON: u8 = 0x3a;
export const SPACE: u8 = 0x20;
export const OPEN_BRACKET: u8 = 0x5b;
export const BACKSLASH: u8 = 0x5c;
export const CLOSE_BRACKET: u8 = 0x5d;
export const LOWER_N: u8 = 0x6e;
export const LOWER_U: u8 = 0x75;
export const OPEN_BRACE: u8 = 0x7b;
export const CLOSE_BRACE: u8 = 0x7d;

export function isSpace(byte: u8): bool {
  return byte <= 0x20 && (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}

export function isDigit(byte: u8): bool {
  return <u8>(byte - 0x30) <= 9;
}

/** The first byte from `from` on that is no white space, or where that would be: there is padding behind `end`. */
export function skipSpace(from: u32, end: u32): u32 {
  if (load<u8>(from) > 0x20) return from;
  let at = from;
  while (at < end && isSpace(load<u8>(at))) at++;
  return at;
}

/** Whether the byte at `at` is there and is `byte`. */
export function isAt(at: u32, end: u32, byte: u8): bool {
  return at < end && load<u8>(at) === byte;
}

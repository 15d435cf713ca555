/**
 * Steps over JSON values and proves them well-formed, as strictly as JSON.parse does. Depth and keys are bounded well below
 * what a body may have: what goes beyond is not wrong, but the slow path's.
 */
import { stringEnd } from './strings';
import { COLON, COMMA, DOT, isAt, isDigit, MINUS, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace } from './text';

const DEPTH_MAX: u32 = 64;
/** Below every limit on the keys of one object. */
const KEYS_MAX: u32 = 900;
/** What closes an array or an object is two characters after what opens it. */
const CLOSE_MINUS_OPEN: u8 = 2;

/** The opening byte of each container that is open. */
const open_containers = <u32>memory.data(64);

/** Whether the number that `numberEnd` last found is without an exponent, and short enough that nothing can overflow. */
export let is_small_number: bool = false;

function isDigitAt(at: u32, end: u32): bool {
  return at < end && isDigit(load<u8>(at));
}

export function digitsEnd(from: u32, end: u32): u32 {
  let at = from;
  while (isDigitAt(at, end)) at++;
  return at;
}

/** Behind the number at `from`, or 0. */
export function numberEnd(from: u32, end: u32): u32 {
  const digits = isAt(from, end, MINUS) ? from + 1 : from;
  let at = digitsEnd(digits, end);
  if (at === digits || (load<u8>(digits) === 0x30 && at - digits > 1)) return 0;
  is_small_number = at - digits <= 18;
  if (isAt(at, end, DOT)) {
    const fraction = at + 1;
    at = digitsEnd(fraction, end);
    if (at === fraction) return 0;
  }
  if (at < end && (load<u8>(at) | 0x20) === 0x65) {
    is_small_number = false;
    at++;
    if (at < end && (load<u8>(at) === 0x2b || load<u8>(at) === MINUS)) at++;
    const exponent = at;
    at = digitsEnd(exponent, end);
    if (at === exponent) return 0;
  }
  return at;
}

/** Behind the `true`, `false` or `null` at `at`, or 0. */
export function wordEnd(at: u32, end: u32): u32 {
  if (at + 4 > end) return 0;
  const word = load<u32>(at);
  if (word === 0x65757274 || word === 0x6c6c756e) return at + 4;
  return word === 0x736c6166 && isAt(at + 4, end, 0x65) ? at + 5 : 0;
}

/** Behind the string, number or word at `at`, or 0. */
function scalarEnd(at: u32, end: u32): u32 {
  if (at >= end) return 0;
  const byte = load<u8>(at);
  if (byte === QUOTE) {
    const quote = stringEnd(at + 1, end);
    return quote === 0 ? 0 : quote + 1;
  }
  return byte === MINUS || isDigitAt(at, end) ? numberEnd(at, end) : wordEnd(at, end);
}

/** The first byte of the value whose key's opening quote should be at `at`, or 0. */
function keyedValue(at: u32, end: u32): u32 {
  if (!isAt(at, end, QUOTE)) return 0;
  const quote = stringEnd(at + 1, end);
  if (quote === 0) return 0;
  const colon = skipSpace(quote + 1, end);
  return isAt(colon, end, COLON) ? skipSpace(colon + 1, end) : 0;
}

/** Behind the value that begins at `from`; 0 when it is malformed, or more than this looks at. */
export function valueEnd(from: u32, end: u32): u32 {
  let at = from;
  let depth: u32 = 0;
  let keys: u32 = 0;
  while (true) {
    const opening = at < end ? load<u8>(at) : 0;
    if (opening === OPEN_BRACE || opening === OPEN_BRACKET) {
      if (depth === DEPTH_MAX) return 0;
      store<u8>(open_containers + depth++, opening);
      at = skipSpace(at + 1, end);
      if (!isAt(at, end, opening + CLOSE_MINUS_OPEN)) {
        if (opening === OPEN_BRACKET) continue;
        at = keyedValue(at, end);
        if (at === 0 || ++keys > KEYS_MAX) return 0;
        continue;
      }
      at++;
      depth--;
    } else {
      at = scalarEnd(at, end);
      if (at === 0) return 0;
    }
    while (true) {
      if (depth === 0) return at;
      const container = load<u8>(open_containers + depth - 1);
      at = skipSpace(at, end);
      if (isAt(at, end, COMMA)) {
        at = skipSpace(at + 1, end);
        if (container === OPEN_BRACKET) break;
        at = keyedValue(at, end);
        if (at === 0 || ++keys > KEYS_MAX) return 0;
        break;
      }
      if (!isAt(at, end, container + CLOSE_MINUS_OPEN)) return 0;
      at++;
      depth--;
    }
  }
}

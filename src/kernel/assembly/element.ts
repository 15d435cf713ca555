/** Reads one event of the common shape, its fields straight into their columns. */
import { fieldEnd } from './fields';
import {
  fieldAddress,
  fieldAt,
  headLength,
  isHeadAt,
  key_quote,
  likelyField,
  requiredFields,
  SURPRISING_KEY,
  UNKNOWN_KEY,
} from './program';
import { beginRow, hasSeenAll, setSeen } from './row';
import { CLOSE_BRACE, COLON, COMMA, isAt, OPEN_BRACE, QUOTE, skipSpace } from './text';
import { valueEnd } from './values';

const COMMA_AND_QUOTE: u16 = 0x222c;

/**
 * Reads the event that begins at `from`.
 *
 * Where the short ways run on behind `end`, into what follows a truncated body, its closing brace is not found before `end`.
 *
 * @returns behind the event; 0 when it is not of the common shape, be it valid or not: then `undoRow`
 */
export function readElement(from: u32, end: u32): u32 {
  beginRow();
  let at = skipSpace(from + 1, end);
  if (!isAt(from, end, OPEN_BRACE) || !isAt(at, end, QUOTE)) return 0;
  at++;
  let seen: u64 = 0;
  let previous = UNKNOWN_KEY;
  while (true) {
    let field = <i32>likelyField(previous);
    let rules = fieldAddress(field);
    if (isHeadAt(rules, at)) {
      at = skipSpace(at + headLength(rules), end);
    } else {
      field = fieldAt(at, end, previous);
      rules = fieldAddress(field);
      at = memberValue(field, end);
      if (at === 0) break;
    }
    if (field !== UNKNOWN_KEY) {
      const bit: u64 = (<u64>1) << field;
      if ((seen & bit) !== 0) break;
      at = fieldEnd(field, rules, at, end);
      if (at === 0) break;
      seen |= bit;
    } else {
      at = valueEnd(at, end);
      if (at === 0) break;
    }
    previous = field;
    if (load<u16>(at) !== COMMA_AND_QUOTE) {
      at = skipSpace(at, end);
      if (!isAt(at, end, COMMA)) {
        setSeen(seen);
        return isAt(at, end, CLOSE_BRACE) && hasSeenAll(requiredFields()) ? at + 1 : 0;
      }
      at = skipSpace(at + 1, end);
      if (!isAt(at, end, QUOTE)) break;
      at++;
    } else {
      at += 2;
    }
  }
  setSeen(seen);
  return 0;
}

/** Where the value of the field begins whose key `fieldAt` has found; 0 when there is none. */
function memberValue(field: i32, end: u32): u32 {
  if (field === SURPRISING_KEY) return 0;
  const colon = skipSpace(key_quote + 1, end);
  return isAt(colon, end, COLON) ? skipSpace(colon + 1, end) : 0;
}

/** Reads one event of the common shape, its fields straight into their columns. */
import { appendPair, fieldEnd } from './fields';
import { findPair, learnPair, pairEnd, secondField } from './pair_cache';
import {
  FIELD_DICTIONARY,
  fieldAddress,
  fieldAt,
  fieldColumn,
  fieldKind,
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
  /** Where the text of the member before begins, if that is in a dictionary and could begin a pair. */
  let pair_start: u32 = 0;
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
      seen |= bit;
      if (fieldKind(rules) === FIELD_DICTIONARY && load<u8>(at) === QUOTE) {
        const column = fieldColumn(rules);
        const start = at + 1;
        const slot = findPair(field, column, start);
        const second = slot === 0 ? 0 : (<u64>1) << secondField(slot);
        if (slot !== 0 && (seen & second) === 0 && appendPair(slot, column)) {
          seen |= second;
          field = secondField(slot);
          at = pairEnd(slot, start);
          pair_start = 0;
        } else {
          at = fieldEnd(field, rules, at, end);
          if (at === 0) {
            seen ^= bit;
            break;
          }
          const is_pair = pair_start !== 0 && learnPair(previous, fieldColumn(fieldAddress(previous)), field, column, pair_start, at);
          pair_start = is_pair ? 0 : start;
        }
      } else {
        pair_start = 0;
        at = fieldEnd(field, rules, at, end);
        if (at === 0) {
          seen ^= bit;
          break;
        }
      }
    } else {
      pair_start = 0;
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

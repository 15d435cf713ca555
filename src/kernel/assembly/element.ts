/** Reads one event of the common shape, its fields straight into their columns. */
import { entryEnd, fieldEnd, stringFieldEnd, textFieldEnd } from './fields';
import {
  FIELD_DICTIONARY,
  FIELD_STRING,
  fieldAt,
  fieldBit,
  fieldKind,
  headLength,
  isKeyAlone,
  key_quote,
  likelyNext,
  matchHead,
  requiredFields,
  unknownField,
  WHOLE_HEAD,
} from './program';
import { beginRow, hasSeenAll, setSeen } from './row';
import { CLOSE_BRACE, COLON, COMMA, isAt, OPEN_BRACE, QUOTE, skipSpace } from './text';
import { valueEnd } from './values';

const BRACE_AND_QUOTE: u16 = 0x227b;
const COMMA_AND_QUOTE: u16 = 0x222c;

/** The field whose member `otherMemberEnd` read. */
let other_field: u32 = 0;

/**
 * Reads the event that begins at `from`.
 *
 * Where the short ways run on behind `end`, into what follows a truncated body, its closing brace is not found before `end`.
 *
 * @returns behind the event; 0 when it is not of the common shape, be it valid or not: then `undoRow`
 */
export function readElement(from: u32, end: u32): u32 {
  let seen: u64 = 0;
  setSeen(seen);
  if (!beginRow()) return 0;
  let at = firstKey(from, end);
  if (at === 0) return 0;
  let field = unknownField();
  while (true) {
    const likely = likelyNext(field);
    const matching = matchHead(likely, at);
    if (matching === WHOLE_HEAD) {
      field = likely;
      if ((seen & fieldBit(field)) !== 0) break;
      const start = at + headLength(field);
      const kind = fieldKind(field);
      if (kind === FIELD_DICTIONARY) at = entryEnd(field, start, end);
      else if (kind === FIELD_STRING) at = stringFieldEnd(field, start, end);
      else at = textFieldEnd(field, start, end);
    } else {
      at = otherMemberEnd(field, at, end, matching, seen);
      field = other_field;
    }
    if (at === 0) break;
    seen |= fieldBit(field);
    if (load<u16>(at) === COMMA_AND_QUOTE) {
      at += 2;
      continue;
    }
    at = skipSpace(at, end);
    if (load<u8>(at) === CLOSE_BRACE) {
      setSeen(seen);
      if (at >= end) return 0;
      return hasSeenAll(requiredFields()) ? at + 1 : 0;
    }
    if (!isAt(at, end, COMMA)) break;
    at = skipSpace(at + 1, end);
    if (!isAt(at, end, QUOTE)) break;
    at++;
  }
  setSeen(seen);
  return 0;
}

/** Behind the opening quote of the first key of the object at `from`; 0 when there is none. */
function firstKey(from: u32, end: u32): u32 {
  if (load<u16>(from) === BRACE_AND_QUOTE) {
    if (from + 1 < end) return from + 2;
  }
  if (!isAt(from, end, OPEN_BRACE)) return 0;
  const at = skipSpace(from + 1, end);
  return isAt(at, end, QUOTE) ? at + 1 : 0;
}

/**
 * Reads the member whose key begins at `at`, where the likely field's is not, or not with a text; behind it, or 0.
 *
 * @param previous the field before it
 * @param matching how the likely field's head matches
 */
function otherMemberEnd(previous: u32, at: u32, end: u32, matching: u32, seen: u64): u32 {
  const likely = likelyNext(previous);
  const is_likely = isKeyAlone(likely, matching);
  const field = is_likely ? likely : fieldAt(at, end, previous);
  if (field === 0) return 0;
  const value = is_likely ? skipSpace(at + headLength(likely) - 1, end) : memberValue(end);
  other_field = field;
  if (value === 0 || (seen & fieldBit(field)) !== 0) return 0;
  return field === unknownField() ? valueEnd(value, end) : fieldEnd(field, value, end);
}

/** Where the value of the key begins that `fieldAt` has found; 0 when there is none. */
function memberValue(end: u32): u32 {
  const colon = skipSpace(key_quote + 1, end);
  return isAt(colon, end, COLON) ? skipSpace(colon + 1, end) : 0;
}

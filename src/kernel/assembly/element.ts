/** Reads one event of the common shape, its fields straight into their columns. */
import { beginEvent } from './events';
import { otherValueEnd, textFieldEnd } from './fields';
import { expectSpaces, headLength, isKeyAlone, matchHead, WHOLE_HEAD } from './heads';
import { fieldAt, fieldBit, key_quote, likelyNext, requiredFields, unknownField } from './program';
import { beginRow, fieldsSeen, hasSeenAll, setSeen } from './row';
import { CLOSE_BRACE, COLON, COMMA, COMMA_AND_QUOTE, isAt, OPEN_BRACE, QUOTE, skipSpace } from './text';
import { readTexts, setText, text_field, text_start } from './texts';
import { valueEnd } from './values';

const BRACE_AND_QUOTE: u16 = 0x227b;
const COLON_AND_SPACE: u16 = 0x203a;

/** The field of the last member that was read. */
let member_field: u32 = 0;

/**
 * Reads the event that begins at `from`, and on through those that follow it in a run; the last that it comes to is `eventStart`'s, and the rows of
 * the others have ended.
 *
 * Where the quick way runs on behind `end`, into what follows a truncated body, its closing brace is not found before `end`.
 *
 * @returns behind the last event; 0 when it is not of the common shape, be it valid or not: then `undoRow`
 */
export function readElement(from: u32, end: u32): u32 {
  beginEvent(from);
  if (!beginRow()) return 0;
  let at = firstKey(from, end);
  member_field = unknownField();
  while (at !== 0) {
    at = membersEnd(at, end);
    if (at === 0) return 0;
    if (load<u16>(at) === COMMA_AND_QUOTE) {
      at += 2;
      continue;
    }
    at = skipSpace(at, end);
    if (load<u8>(at) === CLOSE_BRACE) return at < end && hasSeenAll(requiredFields()) ? at + 1 : 0;
    if (!isAt(at, end, COMMA)) return 0;
    at = skipSpace(at + 1, end);
    if (!isAt(at, end, QUOTE)) return 0;
    at++;
  }
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

/** Reads the member whose key begins at `at`, and those that `readTexts` reads behind it; behind them, or 0. */
function membersEnd(at: u32, end: u32): u32 {
  const likely = likelyNext(member_field);
  const matching = matchHead(likely, v128.load(at));
  if (matching !== WHOLE_HEAD) return otherMembersEnd(at, end, matching);
  if ((fieldsSeen() & fieldBit(likely)) !== 0) return 0;
  return textsEnd(likely, at + headLength(likely), end);
}

/**
 * The same where the likely field's key is not there, or not with a text right behind it.
 *
 * @param matching how the likely field's head matches
 */
function otherMembersEnd(at: u32, end: u32, matching: u32): u32 {
  const likely = likelyNext(member_field);
  const is_likely = isKeyAlone(likely, matching);
  const field = is_likely ? likely : fieldAt(at, end, member_field);
  if (field === 0) return 0;
  const value = is_likely ? skipSpace(at + headLength(likely) - 1, end) : memberValue(end);
  // Once an event at most: to expect something else takes as long as some members.
  if (member_field === unknownField()) expectSpaces(value !== 0 && load<u16>(value - 2) === COLON_AND_SPACE);
  if (value === 0 || (fieldsSeen() & fieldBit(field)) !== 0) return 0;
  member_field = field;
  if (field === unknownField()) return valueEnd(value, end);
  if (load<u8>(value) === QUOTE) return textsEnd(field, value + 1, end);
  const after = otherValueEnd(field, value, end);
  if (after !== 0) setSeen(fieldsSeen() | fieldBit(field));
  return after;
}

/** Reads the text of a field, and those that `readTexts` reads behind it. */
function textsEnd(field: u32, start: u32, end: u32): u32 {
  setText(field, start);
  const quick_end = readTexts();
  member_field = text_field;
  if (quick_end !== 0) return quick_end;
  const after = textFieldEnd(text_field, text_start, end);
  if (after !== 0) setSeen(fieldsSeen() | fieldBit(text_field));
  return after;
}

/** Where the value of the key begins that `fieldAt` has found; 0 when there is none. */
function memberValue(end: u32): u32 {
  const colon = skipSpace(key_quote + 1, end);
  return isAt(colon, end, COLON) ? skipSpace(colon + 1, end) : 0;
}

/**
 * Reads a body that is an object with an array of events: rows for those of the common shape, and a pause at each other one,
 * which the host judges before it resumes. What is uncommon about the body itself gives the whole of it to the host.
 */
import { checkpoint } from './columns';
import { beginDigests } from './digests';
import { readElement } from './element';
import { allowRuns, eventStart } from './events';
import { scratchAddress } from './fields';
import { beginNotes, isNotedAscii, noteBytes } from './hash';
import { beginProgram } from './heads';
import { inputAddress } from './memory';
import { identityColumn, isBatchName } from './program';
import { DONE, NOT_ASCII, SLOW_BODY, SLOW_ELEMENT } from './result';
import { beginRows, endRow, fillRows, undoRow } from './row';
import { setElement } from './scan';
import { has_escape, stringEnd } from './strings';
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, isAt, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace } from './text';
import { valueEnd } from './values';

/** Within this file: the body's array has ended, or a member that is not it. */
const MEMBER_ENDED: i32 = 4;
/** Nothing is withheld. */
const NOTHING: i32 = -1;

const COMMA_AND_BRACE: u16 = 0x7b2c;
/** Below every limit on the keys of one object. */
const MEMBERS_MAX: u32 = 900;

let start: u32 = 0;
let end: u32 = 0;
/** Behind the batch's array. */
let array_end: u32 = 0;
/** Whether the host knows that the body is UTF-8, or is about to make sure of it. */
let is_utf8: bool = false;
/** What the host is told when it has made sure of it. */
let withheld: i32 = NOTHING;
/** Behind what was read. */
let cursor: u32 = 0;
let event_bytes_max: u32 = 0;
let is_batch_found: bool = false;
let members: u32 = 0;

/** Makes ready for a request whose rows may be taken back. */
export function beginRequest(body_bytes: u32): bool {
  checkpoint();
  return beginDigests(body_bytes);
}

/**
 * Reads the body at `offset` of the input as the program says, after `beginRequest`. Whether it is ASCII, and thereby UTF-8, comes out while its
 * events are hashed: when some of it is not, what was read stands only if the host says that all of it is UTF-8, and resumes.
 */
export function readBody(program: u32, offset: u32, length: u32, element_bytes_max: u32, is_known_utf8: bool): i32 {
  if (scratchAddress(length) === 0) return SLOW_BODY;
  beginProgram(program);
  beginRows();
  beginNotes();
  is_utf8 = is_known_utf8;
  withheld = NOTHING;
  start = inputAddress() + offset;
  end = start + length;
  members = 0;
  is_batch_found = false;
  event_bytes_max = element_bytes_max;
  allowRuns(end, element_bytes_max);
  const brace = skipSpace(start, end);
  if (!isAt(brace, end, OPEN_BRACE)) return SLOW_BODY;
  const result = readMember(skipSpace(brace + 1, end));
  return told(result === MEMBER_ENDED ? readMembers() : result);
}

/** Goes on behind an element that the host has judged, or where the host has made sure that the body is UTF-8. */
export function resumeBody(): i32 {
  if (withheld !== NOTHING) {
    const result = withheld;
    withheld = NOTHING;
    return result;
  }
  const next = nextElement(cursor);
  if (next === 0 && cursor === 0) return SLOW_BODY;
  const result = next === 0 ? MEMBER_ENDED : readElements(next);
  return told(result === MEMBER_ENDED ? readMembers() : result);
}

/** What the host is told: the result, unless it has to make sure of the UTF-8 first. */
function told(result: i32): i32 {
  if (is_utf8 || result === SLOW_BODY) return result;
  // Where events have no identity, they are not hashed.
  if (identityColumn() === 0) {
    noteBytes(start, end - start);
    is_utf8 = true;
  }
  if (isNotedAscii()) return result;
  is_utf8 = true;
  withheld = result;
  return NOT_ASCII;
}

/** Reads what is behind a member, to the end of the body. */
function readMembers(): i32 {
  while (true) {
    const at = skipSpace(cursor, end);
    if (isAt(at, end, CLOSE_BRACE)) {
      if (!is_batch_found || skipSpace(at + 1, end) < end) return SLOW_BODY;
      noteBytes(array_end, end - array_end);
      return DONE;
    }
    if (!isAt(at, end, COMMA) || ++members > MEMBERS_MAX) return SLOW_BODY;
    const result = readMember(skipSpace(at + 1, end));
    if (result !== MEMBER_ENDED) return result;
  }
}

/** Reads the member whose key's quote should be at `at`. */
function readMember(at: u32): i32 {
  if (!isAt(at, end, QUOTE)) return SLOW_BODY;
  const quote = stringEnd(at + 1, end);
  if (quote === 0 || has_escape) return SLOW_BODY;
  const colon = skipSpace(quote + 1, end);
  if (!isAt(colon, end, COLON)) return SLOW_BODY;
  const value = skipSpace(colon + 1, end);
  if (!isBatchName(at + 1, quote)) {
    cursor = valueEnd(value, end);
    return cursor === 0 ? SLOW_BODY : MEMBER_ENDED;
  }
  if (is_batch_found || !isAt(value, end, OPEN_BRACKET)) return SLOW_BODY;
  is_batch_found = true;
  const first = skipSpace(value + 1, end);
  noteBytes(start, first - start);
  if (!isAt(first, end, CLOSE_BRACKET)) return readElements(first);
  cursor = first + 1;
  array_end = cursor;
  return MEMBER_ENDED;
}

/** Reads elements, the first of which begins at `from`, to the end of the array. */
function readElements(from: u32): i32 {
  let at = from;
  while (true) {
    const after = readElement(at, end);
    const event = eventStart();
    if (after === 0 || after - event > event_bytes_max) return pauseAt(event);
    if (!endRow(event, after)) return SLOW_BODY;
    if (load<u16>(after) === COMMA_AND_BRACE) {
      at = after + 1;
      continue;
    }
    at = nextElement(after);
    if (at !== 0) continue;
    return cursor !== 0 && fillRows() ? MEMBER_ENDED : SLOW_BODY;
  }
}

/** Leaves the element at `at` to the host, with all rows before it complete and none of its own. */
function pauseAt(at: u32): i32 {
  undoRow();
  cursor = valueEnd(at, end);
  if (cursor === 0 || !fillRows() || !setElement(at, cursor)) return SLOW_BODY;
  noteBytes(at, cursor - at);
  return SLOW_ELEMENT;
}

/** The element after the one that ends at `after`; 0 when there is none: then `cursor` is behind the array, or 0 if that is malformed. */
function nextElement(after: u32): u32 {
  const at = skipSpace(after, end);
  if (isAt(at, end, COMMA)) return skipSpace(at + 1, end);
  cursor = isAt(at, end, CLOSE_BRACKET) ? at + 1 : 0;
  array_end = cursor;
  return 0;
}

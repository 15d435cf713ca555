/**
 * Reads a body that is an object with an array of events: rows for those of the common shape, and a pause at each other one,
 * which the host judges before it resumes. What is uncommon about the body itself gives the whole of it to the host.
 */
import { isAscii } from './bytes';
import { checkpoint } from './columns';
import { beginDigests } from './digests';
import { readElement } from './element';
import { allowRuns, eventStart } from './events';
import { scratchAddress } from './fields';
import { inputAddress } from './memory';
import { isBatchName, selectProgram } from './program';
import { DONE, NOT_ASCII, SLOW_BODY, SLOW_ELEMENT } from './result';
import { beginRows, endRow, fillRows, undoRow } from './row';
import { setElement } from './scan';
import { has_escape, stringEnd } from './strings';
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, isAt, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace } from './text';
import { valueEnd } from './values';

/** Within this file: the body's array has ended, or a member that is not it. */
const MEMBER_ENDED: i32 = 4;

const COMMA_AND_BRACE: u16 = 0x7b2c;
/** Below every limit on the keys of one object. */
const MEMBERS_MAX: u32 = 900;

let end: u32 = 0;
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

/** Reads the body at `offset` of the input as the program says, after `beginRequest`. */
export function readBody(program: u32, offset: u32, length: u32, element_bytes_max: u32, is_utf8: bool): i32 {
  const start = inputAddress() + offset;
  if (!is_utf8 && !isAscii(start, length)) return NOT_ASCII;
  if (scratchAddress(length) === 0) return SLOW_BODY;
  selectProgram(program);
  beginRows();
  end = start + length;
  members = 0;
  is_batch_found = false;
  event_bytes_max = element_bytes_max;
  allowRuns(end, element_bytes_max);
  const brace = skipSpace(start, end);
  if (!isAt(brace, end, OPEN_BRACE)) return SLOW_BODY;
  const result = readMember(skipSpace(brace + 1, end));
  return result === MEMBER_ENDED ? readMembers() : result;
}

/** Goes on behind an element that the host has judged. */
export function resumeBody(): i32 {
  const next = nextElement(cursor);
  if (next === 0 && cursor === 0) return SLOW_BODY;
  const result = next === 0 ? MEMBER_ENDED : readElements(next);
  return result === MEMBER_ENDED ? readMembers() : result;
}

/** Reads what is behind a member, to the end of the body. */
function readMembers(): i32 {
  while (true) {
    const at = skipSpace(cursor, end);
    if (isAt(at, end, CLOSE_BRACE)) return is_batch_found && skipSpace(at + 1, end) === end ? DONE : SLOW_BODY;
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
  if (!isAt(first, end, CLOSE_BRACKET)) return readElements(first);
  cursor = first + 1;
  return MEMBER_ENDED;
}

/** Reads elements, the first of which begins at `from`, to the end of the array. */
function readElements(from: u32): i32 {
  let at = from;
  while (true) {
    const after = readElement(at, end);
    const start = eventStart();
    if (after === 0 || after - start > event_bytes_max) return pauseAt(start);
    if (!endRow(start, after)) return SLOW_BODY;
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
  return cursor !== 0 && fillRows() && setElement(at, cursor) ? SLOW_ELEMENT : SLOW_BODY;
}

/** The element after the one that ends at `after`; 0 when there is none: then `cursor` is behind the array, or 0 if that is malformed. */
function nextElement(after: u32): u32 {
  const at = skipSpace(after, end);
  if (isAt(at, end, COMMA)) return skipSpace(at + 1, end);
  cursor = isAt(at, end, CLOSE_BRACKET) ? at + 1 : 0;
  return 0;
}

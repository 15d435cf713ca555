/**
 * Reads a body that is one event per line: rows for those of the common shape, and a pause at each other line, be it an event or
 * not, which the host judges before it resumes. Blank lines are nothing.
 */
import { isAscii } from './bytes';
import { readElement } from './element';
import { forbidRuns } from './events';
import { scratchAddress } from './fields';
import { beginProgram } from './heads';
import { inputAddress } from './memory';
import { DONE, NOT_ASCII, SLOW_BODY, SLOW_ELEMENT } from './result';
import { beginRows, endRow, fillRows, undoRow } from './row';
import { setElement } from './scan';
import { skipSpace } from './text';

const LINE_FEED: u8 = 0x0a;

let end: u32 = 0;
/** Behind what was read: the start of a line. */
let cursor: u32 = 0;
let event_bytes_max: u32 = 0;

/** Reads the lines at `offset` of the input as the program says, after `beginRequest`. */
export function readLines(program: u32, offset: u32, length: u32, element_bytes_max: u32, is_utf8: bool): i32 {
  const start = inputAddress() + offset;
  if (scratchAddress(length + 1) === 0) return SLOW_BODY;
  beginProgram(program);
  beginRows();
  end = start + length;
  cursor = start;
  event_bytes_max = element_bytes_max;
  forbidRuns();
  if (!is_utf8 && !isAscii(start, length)) return NOT_ASCII;
  return resumeLines();
}

/** Goes on behind a line that the host has judged, or when the host has made sure that the body is UTF-8. */
export function resumeLines(): i32 {
  while (cursor < end) {
    const line_end = lineEnd(cursor);
    const start = skipSpace(cursor, line_end);
    cursor = line_end + 1;
    if (start >= line_end) continue;
    const after = readElement(start, line_end);
    if (after === 0 || after - start > event_bytes_max || skipSpace(after, line_end) < line_end) {
      undoRow();
      return fillRows() && setElement(start, line_end) ? SLOW_ELEMENT : SLOW_BODY;
    }
    if (!endRow(start, after)) return SLOW_BODY;
  }
  return fillRows() ? DONE : SLOW_BODY;
}

/** The line feed at or after `from`, or the body's end. */
function lineEnd(from: u32): u32 {
  for (let at = from; at < end; at += 16) {
    const feeds = i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(LINE_FEED)));
    if (feeds !== 0) return min(at + ctz(feeds), end);
  }
  return end;
}

/**
 * From one event to the next, where nothing stands between them but a comma, and the next begins with the key that is expected there: so
 * that the quick way (`texts.ts`) need not be left and entered anew for each event.
 */
import { matchHead, WHOLE_HEAD } from './heads';
import { likelyNext, unknownField } from './program';
import { canGoOn, nextRow } from './row';
import { eventSeparatorEnd } from './separators';

/** Where the event in hand begins. */
let event_start: u32 = 0;
/** Behind the body. */
let run_end: u32 = 0;
let event_bytes_max: u32 = 0;

/** Lets events follow one another up to `end`. Whoever called `readElement` still has the last of them to end, and to see how long it is. */
export function allowRuns(end: u32, bytes_max: u32): void {
  run_end = end;
  event_bytes_max = bytes_max;
}

/** Leaves each event to whoever called `readElement`: of lines, each has an end of its own. */
export function forbidRuns(): void {
  run_end = 0;
}

export function beginEvent(start: u32): void {
  event_start = start;
}

/** Where the event begins that was read last: `readElement` may have gone on from that which it was called for. */
export function eventStart(): u32 {
  return event_start;
}

/**
 * Ends the event in hand, whose fields are `seen`, with the brace that should be at `at`, and begins the next.
 *
 * @returns behind the quote of the next event's first key; 0 when nothing was done, since something is not as it mostly is, or there is no memory
 */
export function nextEvent(at: u32, seen: u64): u32 {
  const key = eventSeparatorEnd(at);
  if (key === 0 || key > run_end) return 0;
  if (matchHead(likelyNext(unknownField()), v128.load(key)) !== WHOLE_HEAD) return 0;
  if (at + 1 - event_start > event_bytes_max || !canGoOn(seen)) return 0;
  if (!nextRow(event_start, at + 1, seen)) return 0;
  event_start = key - 2;
  return key;
}

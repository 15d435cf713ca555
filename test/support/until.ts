/** Waits for a condition instead of for a time. */
import { setTimeout } from 'node:timers/promises';

/** What is asked may cost a query: the longer something lasts, the less it matters to know it at once. */
const POLL_MS_MIN = 10;
const POLL_MS_MAX = 100;
const POLL_GROWTH = 1.5;

/** Resolves when `condition` holds; rejects, saying what was waited for, when it does not within `within_ms`. */
export async function until(what: string, within_ms: number, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline_ms = performance.now() + within_ms;
  let poll_ms = POLL_MS_MIN;
  while (!(await condition())) {
    if (performance.now() > deadline_ms) throw new Error(`waited ${within_ms} ms in vain until ${what}`);
    await setTimeout(poll_ms);
    poll_ms = Math.min(POLL_MS_MAX, poll_ms * POLL_GROWTH);
  }
}

/** Waits for a condition instead of for a time. */
import { setTimeout } from 'node:timers/promises';

const POLL_MS = 20;

/** Resolves when `condition` holds; rejects, saying what was waited for, when it does not within `within_ms`. */
export async function until(what: string, within_ms: number, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline_ms = performance.now() + within_ms;
  while (!(await condition())) {
    if (performance.now() > deadline_ms) throw new Error(`waited ${within_ms} ms in vain until ${what}`);
    await setTimeout(POLL_MS);
  }
}

/** Waits with an end. */
import type { Clock } from '../../contract/ports.ts';

/** Resolves with `done`, or after `duration_ms`. */
export function atMost(clock: Clock, duration_ms: number, done: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.schedule(duration_ms, resolve);
    void done.then(() => {
      timer.cancel();
      resolve();
    });
  });
}

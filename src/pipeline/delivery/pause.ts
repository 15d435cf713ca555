/** Waiting that can be cut short: by a nudge (something changed, try now) or for good (delivery stops). */
import type { Clock, Random } from '../../contract/ports.ts';

export class Pause {
  private readonly clock: Clock;
  private is_stopped = false;
  private wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get stopped(): boolean {
    return this.is_stopped;
  }

  /** Resolves after `delay_ms`, or at a nudge or stop. One waiter at a time. */
  async wait(delay_ms: number): Promise<void> {
    if (this.is_stopped) return;
    await new Promise<void>((resolve) => {
      const timer = this.clock.schedule(delay_ms, resolve);
      this.wake = () => {
        timer.cancel();
        resolve();
      };
    });
    this.wake = undefined;
  }

  nudge(): void {
    this.wake?.();
  }

  /** Ends this wait and all later ones at once. */
  stop(): void {
    this.is_stopped = true;
    this.nudge();
  }
}

/**
 * Full jitter: anywhere from 0 to a bound that doubles with every failure. A fleet that lost the same server does not come
 * back to it in step.
 *
 * @param failures how many in a row, 1 or more
 */
export function backoffMs(random: Random, limits: { retry_ms_min: number; retry_ms_max: number }, failures: number): number {
  const doublings = Math.min(failures - 1, 30);
  return random.fraction() * Math.min(limits.retry_ms_max, limits.retry_ms_min * 2 ** doublings);
}

/** From half of `interval_ms` to all of it. */
export function jitteredMs(random: Random, interval_ms: number): number {
  return interval_ms * (0.5 + random.fraction() / 2);
}

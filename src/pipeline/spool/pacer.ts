/**
 * Keeps long work from holding up everything else: a computation on the main thread asks to step aside after about a millisecond, and a writer to the
 * disk leaves it to others for as long as it had it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../contract/ports.ts';

const TURN_MS_MAX = 1;
/** A disk that stalls is not made slower by resting as long as it stalled. */
const REST_MS_MAX = 10;

export interface PacedWork {
  isHurried(): boolean;
}

const ALONE: PacedWork = { isHurried: () => false };

export class Pacer {
  private turn_start_ms: number;

  /** @param work `isHurried`: whether others wait for its end; then the disk is not left to anybody */
  constructor(
    private readonly clock: Clock,
    private readonly work: PacedWork = ALONE,
  ) {
    this.turn_start_ms = clock.monotonicMs();
  }

  /** Whether this turn of the event loop was long enough; then `pause`. */
  isDue(): boolean {
    return this.clock.monotonicMs() - this.turn_start_ms >= TURN_MS_MAX;
  }

  /** Lets the event loop do everything else that waits. */
  async pause(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.turn_start_ms = this.clock.monotonicMs();
  }

  /**
   * Has the disk for as long as `sync` takes, and then rests as long: a sync of an acknowledgement that came meanwhile is next, and the disk works off one
   * after the other.
   */
  async share(sync: () => Promise<void>): Promise<void> {
    const start_ms = this.clock.monotonicMs();
    await sync();
    const rest_ms = Math.min(REST_MS_MAX, Math.round(this.clock.monotonicMs() - start_ms));
    if (rest_ms > 0 && !this.work.isHurried()) await sleep(rest_ms);
  }
}

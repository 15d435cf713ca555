/**
 * Knows when more comes than is worked off: many of those that wait for their answer have waited too long. Then whoever comes is better
 * told to come back, while that costs little, than made to wait behind them.
 *
 * Many, since a few that are slow for reasons of their own say nothing about the others. Kept in steps of time, so that it costs a few
 * additions per request, however many wait.
 */
import { assert } from '../../base/assert.ts';

/** Those that wait longer are overdue; so many overdue are too many. */
const WAIT_MS_MAX = 100;
const OVERDUE_MIN = 32;
const STEP_MS = 4;
/** Of those that wait and are not overdue, one step for each time of arrival. */
const STEPS = 64;

export class Overdue {
  private readonly arrived = new Uint32Array(STEPS);
  /** The first step whose arrivals are not overdue. */
  private first_step = 0;
  private waiting = 0;
  private overdue = 0;

  /** A request has arrived whole; returns what `leave` wants when it is answered or given up. Times are of a clock that never goes back. */
  enter(now_ms: number): number {
    this.advance(now_ms);
    const step = Math.floor(now_ms / STEP_MS);
    assert(step - this.first_step < STEPS, 'BUG: a request arrives later than now');
    this.arrived[step % STEPS]++;
    this.waiting++;
    return step;
  }

  leave(step: number): void {
    this.waiting--;
    if (step < this.first_step) this.overdue--;
    else this.arrived[step % STEPS]--;
  }

  areTooMany(now_ms: number): boolean {
    this.advance(now_ms);
    return this.overdue >= OVERDUE_MIN;
  }

  private advance(now_ms: number): void {
    const first_step = Math.floor((now_ms - WAIT_MS_MAX) / STEP_MS);
    // Of a long time without a request nothing is to be gone through.
    const from = Math.max(this.first_step, first_step - STEPS);
    for (let step = this.waiting === this.overdue ? first_step : from; step < first_step; step++) {
      this.overdue += this.arrived[step % STEPS];
      this.arrived[step % STEPS] = 0;
    }
    this.first_step = Math.max(this.first_step, first_step);
  }
}

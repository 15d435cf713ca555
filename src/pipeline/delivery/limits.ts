/**
 * The knobs of delivery. All durations are milliseconds.
 */
import { assert } from '../../base/assert.ts';
import type { LetterBudgetLimits } from './letter_budget.ts';

export interface DeliveryLimits extends LetterBudgetLimits {
  /** INSERTs and questions under way at once, over all tables; a table has one at a time. */
  readonly concurrency: number;
  /** First and longest wait after a failure that is worth a retry; the wait is drawn from 0 to the bound (full jitter). */
  readonly retry_ms_min: number;
  readonly retry_ms_max: number;
  /** How often a paused table is tried, and a stopped one counted again. */
  readonly probe_ms: number;
  /** How often a running INSERT is asked after. */
  readonly running_poll_ms: number;
  /**
   * How long after the last try whose fate is unknown a new token may be taken at the earliest: by then that try must not
   * be able to start any more. With the embedded engine a try dies with its connection or its process; with a server it may
   * sit in a proxy, or on another replica, for as long as the server's limit for a statement.
   */
  readonly settle_ms: number;
  /** How often a block that is too big for the server is tried before it is split. */
  readonly shrink_tries: number;
  /** Segments that may be set aside per table; then its backlog waits for them. */
  readonly parked_max: number;
  /** How often a segment that was set aside, and that may not be searched for bad rows now, is tried again. */
  readonly parked_retry_ms: number;
}

/** Fit for a server on the network; with the embedded engine `settle_ms` may be a few seconds. */
export const DELIVERY_LIMITS: DeliveryLimits = {
  concurrency: 2,
  retry_ms_min: 250,
  retry_ms_max: 30_000,
  probe_ms: 15_000,
  running_poll_ms: 1_000,
  settle_ms: 300_000,
  shrink_tries: 6,
  parked_max: 100,
  parked_retry_ms: 600_000,
  letters_burst: 1_000,
  letter_refill_ms: 1_000,
  letters_in_a_row_max: 20,
};

/** Bugs of whoever composes them: values are checked where the configuration is read. */
export function assertLimits(limits: DeliveryLimits): void {
  for (const [name, value] of Object.entries(limits)) {
    assert(Number.isFinite(value) && value > 0, `BUG: delivery limit ${name} is ${value}`);
  }
  assert(limits.retry_ms_min <= limits.retry_ms_max, 'BUG: the shortest retry wait is longer than the longest');
}

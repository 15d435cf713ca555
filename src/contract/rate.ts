/** What bounds how much one key may send: its limits, its meter as the front end drives it, and what a refusal says. */

/** A rate or quota of 0 is none. */
export interface KeyLimits {
  readonly events_per_second: number;
  readonly bytes_per_second: number;
  /** How many seconds' worth of either rate may come at once. */
  readonly burst_seconds: number;
  /** In a day of UTC. */
  readonly events_per_day: number;
}

export const KEY_LIMIT_NAMES = ['events_per_second', 'bytes_per_second', 'burst_seconds', 'events_per_day'] as const;

/** What each may be, wherever it is set. */
export const KEY_LIMIT_BOUNDS = {
  events_per_second: { min: 0, max: 1e9 },
  bytes_per_second: { min: 0, max: 1024 ** 4 },
  burst_seconds: { min: 1, max: 3600 },
  events_per_day: { min: 0, max: 1e13 },
} as const satisfies Record<keyof KeyLimits, { min: number; max: number }>;

/** Why a key has to wait, and for how long. */
export interface RateRefusal {
  readonly code: 'rate_limited' | 'quota_exceeded';
  /** The bound that was reached, and what it counts: `events per second`, `bytes per second`, `events per day`. */
  readonly limit: number;
  readonly unit: string;
  /** Whole seconds until the bound lets something through again. */
  readonly reset_s: number;
  /** The same and some more, so that those who wait do not come together. */
  readonly retry_after_s: number;
}

/** Counts what one key sends. It is paid afterwards: who is admitted may finish, and the debt delays who comes next. */
export interface Meter {
  /** Undefined when a request may come in now. */
  refusal(): RateRefusal | undefined;
  /** Bytes of a body, as they are read. */
  chargeBytes(bytes: number): void;
  /** Events of a request, accepted or not, once they are counted. */
  chargeEvents(events: number): void;
}

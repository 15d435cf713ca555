/** The bounds of the gate's waits and queues, and what it tells of itself. */
import type { OperatingError } from '../contract/errors.ts';

export interface DeskLimits {
  /** Requests that are being decided or wait for another's fate. */
  readonly claims_max: number;
  /** Claims that share a commit. */
  readonly batch_max: number;
  /** How long a request waits for another's fate. */
  readonly wait_ms_max: number;
  /** How often somebody else's undecided claim is looked at. */
  readonly poll_ms: number;
  /** How long a settled event may wait for claims to be written along with. */
  readonly write_delay_ms: number;
  /** When what could not be written is tried again. */
  readonly retry_ms: number;
}

export const DESK_LIMITS: DeskLimits = {
  claims_max: 20_000,
  batch_max: 1_024,
  wait_ms_max: 5_000,
  poll_ms: 50,
  write_delay_ms: 100,
  retry_ms: 500,
};

/** Deliveries cost little each where many are written together, and nobody waits for it. */
export const DELIVERY_LIMITS: DeskLimits = { ...DESK_LIMITS, batch_max: 8_192, write_delay_ms: 500 };

/** Called on the path of a request: must be cheap and must not throw. */
export interface DeskObserver {
  /** @param outcome `admitted`, `repeated`, `conflict`, or the code of a refusal */
  decided(outcome: string, wait_ms: number): void;
  /** One durable write. */
  committed(claims: number, duration_ms: number): void;
  failed(error: OperatingError): void;
}

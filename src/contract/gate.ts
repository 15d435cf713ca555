/**
 * The gate: requests that bring one event each may have to be true to something before they are stored: a version that nobody
 * else made with another commit, a webhook that is not stored yet. The worker, which knows nothing of other requests, says what a
 * request claims; the gate on the main thread decides. Implementation: `registry/`.
 *
 * A claim is pending from `admit` until `settle`. Its proof is the spool: a claim is good exactly when the record of its event is
 * durable, so that after a crash neither an answered event is without its claim nor a claim without its event.
 */
import type { ErrorCode, ErrorContext } from './errors.ts';
import type { Tenant } from './tenant.ts';

/** What must be true before a request's event is stored. Plain data: it crosses from the worker. */
export type Claim =
  /** Organization, product and version have this commit; an empty one claims only that the version exists. */
  | { readonly of: 'version'; readonly product_name: string; readonly version: string; readonly scm_sha: string }
  /** The organization used this key for this request and no other. `digest` is of the route and the body. */
  | { readonly of: 'idempotency_key'; readonly key: string; readonly digest: string }
  /** The organization was sent this for the first time. `key` is of its id and its bytes; a repeat is answered `repeat_answer`. */
  | { readonly of: 'delivery'; readonly key: string; readonly repeat_answer: string };

export interface GateRequest {
  readonly tenant: Tenant;
  readonly received_at_ms: number;
  /** `event_id` of its row as text: by this the spool is asked whether the event is there. */
  readonly event_id: string;
  readonly table: string;
  readonly claims: readonly Claim[];
  /** The body of its answer, if it is stored. */
  readonly answer: string;
}

export type GateVerdict =
  | { readonly kind: 'admitted' }
  /** It is an earlier request again, which is durable: nothing is stored, and this is the answer. */
  | { readonly kind: 'repeated'; readonly answer: string }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly context: ErrorContext };

export interface Gate {
  /**
   * Called once per request, with many at a time; decides at once where it can. A request that meets an undecided claim which it contradicts waits
   * for its fate, boundedly.
   */
  admit(request: GateRequest): GateVerdict | Promise<GateVerdict>;
  /** Of every admitted request: its record is durable, or it was not stored. */
  settle(request: GateRequest, is_stored: boolean): void;
}

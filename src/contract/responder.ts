/** The way back to a client: whoever holds a request ends it exactly once, with one of these. */
import type { ErrorCode, ErrorContext } from './errors.ts';
import type { Tenant } from './tenant.ts';

export interface Responder {
  /** The request's events were counted, and the accepted ones are as durable as `spool.ack` promises. */
  counted(accepted: number, rejected: number): void;
  /** The request's one event is as durable as `spool.ack` promises, or was before; `body` is the answer to it. */
  answered(body: string): void;
  /** Nothing of the request was stored. */
  failed(code: ErrorCode, context?: ErrorContext): void;
}

/** What is known of a request beside its body, and the way back to whoever sent it. */
export interface Submission extends Responder {
  /** Position in the list of sources. */
  readonly source: number;
  /** Position among the source's routes. */
  readonly route: number;
  readonly tenant: Tenant;
  /** Of the body, as `contract/format.ts` numbers it. */
  readonly format: number;
  /** Of the header `Idempotency-Key`; empty when there is none. */
  readonly idempotency_key: string;
  /** Its sender gives up when it is refused: see `SourceCommon`. */
  readonly uses_reserve: boolean;
}

/** The way back to a client: whoever holds a request ends it exactly once, with one of these. */
import type { ErrorCode, ErrorContext } from './errors.ts';

export interface Responder {
  /** The request's events were counted, and the accepted ones are as durable as `spool.ack` promises. */
  counted(accepted: number, rejected: number): void;
  /** Nothing of the request was stored. */
  failed(code: ErrorCode, context?: ErrorContext): void;
}

/** What a stream's connection is told: one JSON object per message, and the hello of those that ask for it. */
import { describeError, type ErrorCode, type ErrorContext, errorStatus } from '../../../contract/errors.ts';
import type { StreamLimits } from './session.ts';

/** The statuses by which the catalogue says that the same again may succeed later. */
const LATER: ReadonlySet<number> = new Set([429, 503]);
const HEADER = 'Retry-After';
const MEMBER = 'retry_after_ms';

/** The events of a message were counted, and the accepted ones are durable. */
export function countedAnswer(seq: number, accepted: number, rejected: number): string {
  return `{"seq":${seq},"accepted":${accepted},"rejected":${rejected}}`;
}

/** Whether a message that failed so is worth sending again as it is. */
export function failedForNow(code: ErrorCode): boolean {
  return LATER.has(errorStatus(code));
}

/**
 * Nothing of a message was stored. The catalogue's advice speaks of a header, which is a member here.
 *
 * @param seq null when the message's own cannot be read
 */
export function errorAnswer(seq: number | null, error: ErrorCode, context: ErrorContext, retry_after_ms: number): string {
  const message = describeError(error, context).replaceAll(HEADER, MEMBER);
  return JSON.stringify({ seq, error, message, ...(failedForNow(error) ? { retry_after_ms } : {}) });
}

export function helloMessage({ window_messages, window_bytes, message_bytes_max }: StreamLimits): string {
  return JSON.stringify({ hello: { window_messages, window_bytes, message_bytes_max } });
}

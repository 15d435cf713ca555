/**
 * Answers a request that its head alone refuses, while more of its body is to come.
 *
 * An answer that ends the connection at once has the system reset it while the client is still sending, and the client never reads what
 * it says, when to come back above all. So whoever has a key is read to the end, which is thrown away, and keeps the connection; strangers
 * and what is too large by its own account are cut off.
 */
import type { ErrorCode } from '../../contract/errors.ts';
import type { Answer } from './answers.ts';
import type { HttpResponse } from './engine.ts';
import type { RequestHead } from './request_head.ts';

/** Of a body that was refused so much is thrown away at most. */
export const DRAINED_BYTES_MAX = 64 * 2 ** 20;
/** The same of a stranger's, which costs less than another connection. */
const STRANGERS_BYTES_MAX = 64 * 1024;
const CUT_OFF: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode | undefined>(['unauthorized', 'body_too_large']);

type Write = (response: HttpResponse, answer: Answer) => void;

interface Writers {
  readonly write: Write;
  readonly writeWithin: Write;
}

/** Answers now, or when the body has ended. Must be called in the request's own handler; the response is not the caller's any more. */
export function answerRefused(
  response: HttpResponse,
  head: RequestHead,
  problem: ErrorCode | undefined,
  answer: Answer,
  { write, writeWithin }: Writers,
): void {
  const is_cut_off = CUT_OFF.has(problem);
  if (head.is_chunked && !head.lengths_conflict && !is_cut_off) {
    answerBehindBody(response, answer, write);
    return;
  }
  const body_bytes_max = is_cut_off ? STRANGERS_BYTES_MAX : DRAINED_BYTES_MAX;
  // The rest of a body whose length is known is passed over by the engine.
  const is_last = head.is_chunked || head.lengths_conflict || head.content_length > body_bytes_max;
  writeWithin(response, is_last ? { ...answer, close: true } : answer);
}

/** Of chunks nobody knows how many are to come: the answer waits for the last one, as nothing can be said behind it. */
function answerBehindBody(response: HttpResponse, answer: Answer, write: Write): void {
  let drained_bytes = 0;
  let is_over = false;
  response.onAborted(() => {
    is_over = true;
  });
  response.onData((chunk, is_last) => {
    drained_bytes += chunk.byteLength;
    if (is_over || (!is_last && drained_bytes <= DRAINED_BYTES_MAX)) return;
    is_over = true;
    write(response, { ...answer, close: !is_last });
  });
}

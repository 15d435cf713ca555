/**
 * Answers of an HTTP/1.1 server, read from bytes: only what an ingestion endpoint sends, a head and a body of known length.
 *
 * Chunked answers, answers that end with the connection, and interim ones (1xx) are refused with a reason, not guessed at.
 */

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** Seconds from the header `Retry-After`, where it is there as a number. */
  readonly retry_after_s: number | undefined;
  /** The server closes the connection behind this answer. */
  readonly last: boolean;
}

/** What the bytes received so far amount to. */
export type AnswerRead =
  | { readonly kind: 'answer'; readonly answer: HttpAnswer; readonly bytes_used: number }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly problem: string };

const HEAD_END = '\r\n\r\n';
const HEAD_BYTES_MAX = 16 * 1024;
const BODY_BYTES_MAX = 1024 * 1024;
const STATUS_LINE = /^HTTP\/1\.[01] ([2-5]\d\d)(?: |\r|$)/;

/** Reads the answer at the beginning of `bytes`, which are not kept. */
export function readAnswer(bytes: Buffer): AnswerRead {
  const head_bytes = bytes.indexOf(HEAD_END, 0, 'latin1');
  if (head_bytes < 0 && bytes.length <= HEAD_BYTES_MAX) return { kind: 'incomplete' };
  if (head_bytes < 0 || head_bytes > HEAD_BYTES_MAX) return malformed(`a head of more than ${HEAD_BYTES_MAX} bytes`);
  const head = bytes.toString('latin1', 0, head_bytes);
  const status = STATUS_LINE.exec(head)?.[1];
  if (status === undefined) return malformed(`no final HTTP/1.1 status line: ${JSON.stringify(head.slice(0, 40))}`);
  if (header(head, 'transfer-encoding') !== undefined) return malformed('a chunked answer');
  const length = header(head, 'content-length') ?? (status === '204' ? '0' : '');
  if (!/^\d{1,10}$/.test(length)) return malformed('an answer without a readable Content-Length');
  const body_bytes = Number(length);
  if (body_bytes > BODY_BYTES_MAX) return malformed(`a body of ${body_bytes} bytes`);
  const body_at = head_bytes + HEAD_END.length;
  if (bytes.length < body_at + body_bytes) return { kind: 'incomplete' };
  const answer = {
    status: Number(status),
    body: bytes.toString('utf8', body_at, body_at + body_bytes),
    retry_after_s: seconds(header(head, 'retry-after')),
    last: header(head, 'connection')?.toLowerCase() === 'close' || head.startsWith('HTTP/1.0'),
  };
  return { kind: 'answer', answer, bytes_used: body_at + body_bytes };
}

function malformed(problem: string): AnswerRead {
  return { kind: 'malformed', problem };
}

/** The value of a header, or undefined. `name` is in lower case. */
function header(head: string, name: string): string | undefined {
  for (let at = head.indexOf('\r\n'); at >= 0; at = head.indexOf('\r\n', at + 2)) {
    const value_at = at + 2 + name.length;
    if (head.charCodeAt(value_at) !== 0x3a || head.slice(at + 2, value_at).toLowerCase() !== name) continue;
    const line_end = head.indexOf('\r\n', value_at);
    return head.slice(value_at + 1, line_end < 0 ? head.length : line_end).trim();
  }
  return undefined;
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

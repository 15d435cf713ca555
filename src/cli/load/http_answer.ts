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

/** What a head says. */
type Head = Omit<HttpAnswer, 'body'> & { readonly body_bytes: number };

/** Heads that were read, by their text: a server says the same again and again. Whoever reads many answers keeps one. */
export type KnownHeads = Map<string, Head>;
const HEADS_MAX = 32;

/** Reads the answer at the beginning of `bytes`, which are not kept. */
export function readAnswer(bytes: Buffer, known: KnownHeads = new Map()): AnswerRead {
  const head_bytes = bytes.indexOf(HEAD_END, 0, 'latin1');
  if (head_bytes < 0 && bytes.length <= HEAD_BYTES_MAX) return { kind: 'incomplete' };
  if (head_bytes < 0 || head_bytes > HEAD_BYTES_MAX) return malformed(`a head of more than ${HEAD_BYTES_MAX} bytes`);
  const text = bytes.toString('latin1', 0, head_bytes);
  const head = known.get(text) ?? readHead(text);
  if ('kind' in head) return head;
  if (known.size >= HEADS_MAX) known.clear();
  known.set(text, head);
  const { status, body_bytes, retry_after_s, last } = head;
  const body_at = head_bytes + HEAD_END.length;
  if (bytes.length < body_at + body_bytes) return { kind: 'incomplete' };
  const body = bytes.toString('utf8', body_at, body_at + body_bytes);
  return { kind: 'answer', answer: { status, body, retry_after_s, last }, bytes_used: body_at + body_bytes };
}

function readHead(text: string): Head | Extract<AnswerRead, { kind: 'malformed' }> {
  const status = STATUS_LINE.exec(text)?.[1];
  if (status === undefined) return malformed(`no final HTTP/1.1 status line: ${JSON.stringify(text.slice(0, 40))}`);
  if (header(text, 'transfer-encoding') !== undefined) return malformed('a chunked answer');
  const length = header(text, 'content-length') ?? (status === '204' ? '0' : '');
  if (!/^\d{1,10}$/.test(length)) return malformed('an answer without a readable Content-Length');
  const body_bytes = Number(length);
  if (body_bytes > BODY_BYTES_MAX) return malformed(`a body of ${body_bytes} bytes`);
  return {
    status: Number(status),
    body_bytes,
    retry_after_s: seconds(header(text, 'retry-after')),
    last: header(text, 'connection')?.toLowerCase() === 'close' || text.startsWith('HTTP/1.0'),
  };
}

function malformed(problem: string): Extract<AnswerRead, { kind: 'malformed' }> {
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

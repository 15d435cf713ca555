/**
 * Running one statement: the only place that talks to the client and the only one that turns what went wrong into a
 * `SinkFailure`.
 *
 * The client's own error handling is switched off, because it drops the HTTP status and reads an error's text without a
 * bound. Parameters travel as `param_…` and never enter the statement's text.
 */
import { Readable } from 'node:stream';
import type { ClickHouseSettings } from '@clickhouse/client';
import { SinkFailure } from '../contract/sink.ts';
import type { ClickHouseClient } from './connection.ts';
import { classifyServerError, type ErrorClass } from './error_classes.ts';
import { classifyStatus, classifyTransportError, transportCode } from './transport_classes.ts';

/** Answers are counts, names and error texts unless a statement says otherwise; more than this is not ClickHouse. */
const ANSWER_BYTES_MAX = 1 << 20;
/** How much of a server's message is kept: the rest is a stack of queries. */
const MESSAGE_CHARACTERS_MAX = 500;

/** Values by name; an array for a type such as `Array(UUID)`. */
export type StatementParameters = Readonly<Record<string, string | number | readonly string[] | readonly number[]>>;

export interface Statement {
  readonly query: string;
  readonly query_id: string;
  readonly parameters?: StatementParameters;
  readonly settings?: ClickHouseSettings;
  /** Ends the wait for the answer, and with it the request. */
  readonly signal?: AbortSignal;
  /** An answer is cut there; 1 MiB when absent. */
  readonly answer_bytes_max?: number;
  /** The data of an INSERT; destroyed when the statement ends, whatever way. */
  readonly body?: { readonly stream: Readable; readonly bytes: number };
}

export interface Answer {
  readonly text: string;
  /** Which server answered, as it names itself; empty when it does not. */
  readonly server: string;
}

/**
 * Runs a statement and reads its whole answer.
 *
 * @throws SinkFailure for every way in which it can end without a clean answer
 */
export async function runStatement(client: ClickHouseClient, statement: Statement): Promise<Answer> {
  let answer: Answer & { status: number; code: string };
  try {
    answer = await exchange(client, statement);
  } catch (error) {
    const failure_class = classifyTransportError(error);
    throw failure(failure_class, transportCode(error), error instanceof Error ? error.message : String(error));
  } finally {
    statement.body?.stream.destroy();
  }
  const code = answer.code === '' ? codeInText(answer.text) : answer.code;
  if (code !== '') throw failure(classifyServerError(Number(code), answer.text), code, answer.text);
  if (answer.status < 200 || answer.status > 299) throw failure(classifyStatus(answer.status), `HTTP_${answer.status}`, answer.text);
  return answer;
}

async function exchange(client: ClickHouseClient, statement: Statement): Promise<Answer & { status: number; code: string }> {
  const { query, query_id, parameters, settings, signal, body } = statement;
  const result = await client.exec({
    query,
    query_id,
    ignore_error_response: true,
    clickhouse_settings: { ...settings, wait_end_of_query: 1 },
    ...(signal === undefined ? {} : { abort_signal: signal }),
    ...(parameters === undefined ? {} : { query_params: parameters }),
    ...(body === undefined ? {} : { values: exactly(body.stream, body.bytes), http_headers: { 'Content-Length': String(body.bytes) } }),
  });
  const text = await readText(result.stream, statement.answer_bytes_max ?? ANSWER_BYTES_MAX);
  return {
    text,
    status: result.http_status_code ?? 0,
    code: header(result.response_headers['x-clickhouse-exception-code']),
    server: header(result.response_headers['x-clickhouse-server-display-name']),
  };
}

function header(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/** The stream, held to its length: a body that ends early would leave the server waiting for the rest. */
function exactly(stream: Readable, bytes_expected: number): Readable {
  async function* counted(): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (bytes > bytes_expected) break;
      yield chunk;
    }
    if (bytes !== bytes_expected) throw new BodyLengthError(bytes_expected);
  }
  return Readable.from(counted(), { objectMode: false });
}

class BodyLengthError extends Error {
  readonly code = 'BODY_LENGTH';

  constructor(bytes_expected: number) {
    super(`the segment's stream did not have the ${bytes_expected} bytes that its footer names`);
  }
}

async function readText(stream: Readable, bytes_max: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > bytes_max) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The code in the text of an error that came without the header: behind a proxy that drops it, or after the status was sent. */
function codeInText(text: string): string {
  return /(?:^|\n|__exception__\s+)Code: (\d{1,9})\. DB::Exception/.exec(text)?.[1] ?? '';
}

function failure(failure_class: ErrorClass, code: string, text: string): SinkFailure {
  const message = text.trim().slice(0, MESSAGE_CHARACTERS_MAX);
  return new SinkFailure(`${message} (${failure_class.reason})`, failure_class.in_doubt, failure_class.action, code);
}

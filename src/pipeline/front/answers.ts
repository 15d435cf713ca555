/**
 * Writes answers. One place knows status lines, the two shapes of an error, and that a response must be corked; one callback
 * serves all of them, since a closure per answer is what a hot path notices.
 */
import { describeDetail, describeError, ERROR_CODES, type ErrorCode, type ErrorContext, errorStatus } from '../../contract/errors.ts';
import type { RateRefusal } from '../../contract/rate.ts';
import type { Route } from '../../contract/source.ts';
import type { Cors } from './cors.ts';
import type { HttpResponse } from './engine.ts';

const STATUS_LINES: Readonly<Record<number, string>> = {
  200: '200 OK',
  202: '202 Accepted',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  409: '409 Conflict',
  413: '413 Content Too Large',
  415: '415 Unsupported Media Type',
  426: '426 Upgrade Required',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
};

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the connection after the answer: what is left of the request is not worth reading. */
  readonly close?: boolean;
}

const NO_HEADERS: Readonly<Record<string, string>> = {};

const NO_CONTEXT: ErrorContext = {};

/** Of errors without a context: under overload there is nothing that is said as often. */
const PLAIN_BODIES: Readonly<Record<Route['error_shape'], ReadonlyMap<ErrorCode, string>>> = {
  code: new Map(ERROR_CODES.map((code) => [code, writeErrorBody('code', code, NO_CONTEXT)])),
  detail: new Map(ERROR_CODES.map((code) => [code, writeErrorBody('detail', code, NO_CONTEXT)])),
};

/** The body of an error in the shape that the route's clients know. */
export function errorBody(shape: Route['error_shape'], code: ErrorCode, context?: ErrorContext): string {
  const plain = context === undefined ? PLAIN_BODIES[shape].get(code) : undefined;
  return plain ?? writeErrorBody(shape, code, context ?? NO_CONTEXT);
}

function writeErrorBody(shape: Route['error_shape'], code: ErrorCode, context: ErrorContext): string {
  if (shape === 'detail') return JSON.stringify({ detail: describeDetail(code, context) });
  return JSON.stringify({ ok: false, error: code, message: describeError(code, context) });
}

/** An error as an answer; a 503 says when to come back. */
export function errorAnswer(
  shape: Route['error_shape'],
  code: ErrorCode,
  context: ErrorContext | undefined,
  retry_after_s: number,
): Answer {
  const status = errorStatus(code);
  const body = errorBody(shape, code, context);
  return status === 503 ? { status, body, headers: { 'Retry-After': String(retry_after_s) } } : { status, body };
}

/** The answer to a key that has sent too much: what its limit is, that nothing is left of it, and when to come back. */
export function rateAnswer(shape: Route['error_shape'], { code, limit, unit, reset_s, retry_after_s }: RateRefusal): Answer {
  const headers = {
    'Retry-After': String(retry_after_s),
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': '0',
    'X-RateLimit-Reset': String(reset_s),
  };
  return { status: errorStatus(code), body: errorBody(shape, code, { limit, unit }), headers };
}

export class AnswerWriter {
  private answer: Answer = { status: 500, body: '' };
  private response: HttpResponse | undefined;
  private ends_connections = false;
  private readonly write_corked = (): void => this.writeCorked();

  constructor(private readonly cors: Cors) {}

  /** From now on every answer is the last of its connection. */
  endConnections(): void {
    this.ends_connections = true;
  }

  /** Writes an answer within its request's own handler, where everything that is written leaves together. */
  writeWithin(response: HttpResponse, answer: Answer): void {
    this.response = response;
    this.answer = answer;
    this.writeCorked();
    this.response = undefined;
  }

  /** Writes an answer outside of its request's handler. The response must not be aborted, and is over afterwards. */
  write(response: HttpResponse, answer: Answer): void {
    this.response = response;
    this.answer = answer;
    response.cork(this.write_corked);
    this.response = undefined;
  }

  private writeCorked(): void {
    const { response, answer } = this;
    if (response === undefined) return;
    response.writeStatus(STATUS_LINES[answer.status] ?? String(answer.status));
    response.writeHeader('Content-Type', 'application/json');
    for (const [name, value] of Object.entries(answer.headers ?? NO_HEADERS)) response.writeHeader(name, value);
    for (const [name, value] of this.cors.headersOf(response)) response.writeHeader(name, value);
    response.end(answer.body, this.ends_connections || (answer.close ?? false));
  }
}

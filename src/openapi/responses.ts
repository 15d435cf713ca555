/** The answers of an operation: the good one as declared, the others from the catalogue of errors. */
import type { ErrorCode } from '../contract/errors.ts';
import type { JsonSchema, Route } from '../contract/source.ts';
import type { PublicInterface, Response } from './types.ts';

const JSON_TYPE = 'application/json';
const RETRY_AFTER = { 'Retry-After': { $ref: '#/components/headers/retry_after' } };
/** Statuses that say when to come back. */
const RETRIED_STATUSES = [429, 503];

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'The request cannot be understood. Nothing of it was stored, and it will fail again.',
  401: 'The key is missing, or not valid for this request.',
  404: 'There is no such thing.',
  409: 'The request contradicts what is stored. Nothing of it was stored.',
  413: 'The body is too large. Nothing of it was stored.',
  415: 'The body is written in a way that is not taken here. Nothing of it was stored.',
  429: 'The sender is over what it may send. Nothing of the request was stored; send it again after the time in Retry-After.',
  500: 'The server met a fault of its own.',
  503: 'The server cannot do it now. Send the same bytes again after the time in Retry-After.',
};

/** The schemas that error answers refer to. */
export const ERROR_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  error: {
    type: 'object',
    required: ['ok', 'error', 'message'],
    properties: {
      ok: { const: false },
      error: { type: 'string', pattern: '^[a-z][a-z_]*$', description: 'A stable code.' },
      message: { type: 'string', minLength: 1, description: 'What happened and what to do.' },
    },
    additionalProperties: false,
  },
  error_detail: {
    type: 'object',
    required: ['detail'],
    properties: { detail: { type: 'string', minLength: 1, description: 'What happened and what to do.' } },
    additionalProperties: false,
  },
};

export const HEADERS: JsonSchema = {
  retry_after: {
    description: 'Whole seconds to wait before the request is sent again; spread, so that not all come back at once.',
    required: true,
    schema: { type: 'integer', minimum: 1 },
  },
};

export function goodResponse(description: string, schema: JsonSchema): Response {
  return { description, content: { [JSON_TYPE]: { schema } } };
}

/** One response per status, with an example of each code. */
export function errorResponses(
  by_status: ReadonlyMap<number, readonly ErrorCode[]>,
  shape: Route['error_shape'],
  error_body: PublicInterface['errorBody'],
): Record<string, Response> {
  return Object.fromEntries([...by_status].map(([status, codes]) => [String(status), errorResponse(status, codes, shape, error_body)]));
}

function errorResponse(
  status: number,
  codes: readonly ErrorCode[],
  shape: Route['error_shape'],
  error_body: PublicInterface['errorBody'],
): Response {
  const examples = Object.fromEntries(
    codes.map((code) => [code, { summary: code.replaceAll('_', ' '), value: JSON.parse(error_body(shape, code)) }]),
  );
  const schema =
    shape === 'detail'
      ? { $ref: '#/components/schemas/error_detail' }
      : { $ref: '#/components/schemas/error', properties: { error: { enum: codes } } };
  return {
    description: MEANINGS[status] ?? `Refused with ${status}.`,
    ...(RETRIED_STATUSES.includes(status) ? { headers: RETRY_AFTER } : {}),
    content: { [JSON_TYPE]: { schema, examples } },
  };
}

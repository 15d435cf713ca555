/** Operations of the document: one per route, from what the route declares and what its documentation adds. */
import type { OpenRoute, RouteDocumentation } from '../contract/documentation.ts';
import type { ReadRoute } from '../contract/read_route.ts';
import type { BatchSource, Credential, JsonSchema, Route, SingleSource, Source } from '../contract/source.ts';
import type { KeyUse } from '../contract/tenant.ts';
import type { OperationErrors } from './error_codes.ts';
import { errorResponses, goodResponse } from './responses.ts';
import type { Schemas } from './schemas.ts';
import type { Content, Example, Operation, Parameter, PublicInterface } from './types.ts';

/** What all operations are made with. */
export interface Workshop {
  readonly described: PublicInterface;
  readonly errors: OperationErrors;
  readonly schemas: Schemas;
}

const ANY_OBJECT: JsonSchema = { type: 'object' };
const COUNT: JsonSchema = { type: 'integer', minimum: 0 };
const COUNTS: JsonSchema = {
  type: 'object',
  required: ['accepted', 'rejected'],
  properties: { accepted: COUNT, rejected: COUNT },
  additionalProperties: false,
};
const IDEMPOTENCY_KEY: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'The same key with the same body is answered as the first time and stored once, for 24 hours; with another body it is 409.',
  schema: { type: 'string' },
};

/** `/products/:name/versions` as OpenAPI writes it: `/products/{name}/versions`. */
export function pathTemplate(path: string): string {
  return path.replace(/:([a-z_]+)/g, '{$1}');
}

/** A route that takes events. */
export function ingestOperation({ described, errors, schemas }: Workshop, source: Source, route: Route): Operation {
  const { documentation } = route;
  const is_batch = source.kind === 'batch';
  const answer = is_batch ? COUNTS : (documentation?.answer ?? ANY_OBJECT);
  const responses = {
    [String(route.status)]: goodResponse('What was accepted is on disk, and will be in ClickHouse.', answer),
    ...errorResponses(errors.of(source.kind, documentation, true), route.error_shape, described.errorBody),
  };
  const event = schemas.add(eventName(source, route), documentation?.event ?? source.schema);
  return {
    ...heading('post', route.path, source.name, withStream(route, documentation ?? { summary: `Send events to ${route.path}` })),
    security: security(route.credentials, [route.key_use]),
    parameters: [codingParameter(described.codings), ...(is_batch ? [] : [IDEMPOTENCY_KEY])],
    requestBody: {
      required: true,
      description: bodyDescription(source, route),
      content: is_batch ? batchContent(described, source, event) : singleContent(described, source, route, event),
    },
    responses,
  };
}

/** A route that reads. */
export function readOperation({ described, errors }: Workshop, route: ReadRoute): Operation {
  const { documentation, query_names, path } = route;
  const parameter = (name: string, place: 'path' | 'query'): Parameter => {
    const { description = `The ${name}.`, schema = { type: 'string' }, example = 'example' } = documentation?.parameters?.[name] ?? {};
    return { name, in: place, required: place === 'path', description, schema, example };
  };
  const path_names = [...path.matchAll(/:([a-z_]+)/g)].map(([, name = '']) => name);
  return {
    ...heading('get', path, 'reading', documentation ?? { summary: `Read ${path}` }),
    security: security(route.credentials, route.key_uses),
    parameters: [...path_names.map((name) => parameter(name, 'path')), ...query_names.map((name) => parameter(name, 'query'))],
    responses: {
      200: goodResponse('The answer, computed now.', documentation?.answer ?? ANY_OBJECT),
      ...errorResponses(errors.of('read', documentation, route.key_uses.length > 0), route.error_shape, described.errorBody),
    },
  };
}

/** A route that the front end answers by itself, for anyone. */
export function openOperation(route: OpenRoute): Operation {
  const { documentation, path, statuses } = route;
  const answer = documentation.answer ?? ANY_OBJECT;
  const responses = Object.entries(statuses).map(([status, meaning]) => [status, goodResponse(meaning, answer)]);
  return { ...heading('get', path, 'health', documentation), security: [], responses: Object.fromEntries(responses) };
}

/** OpenAPI has no WebSockets: a stream is told of where its messages are the bodies. */
function withStream({ stream }: Route, documentation: RouteDocumentation): RouteDocumentation {
  if (stream === undefined) return documentation;
  const told = `The same bodies can be sent as messages of a WebSocket, GET ${stream.path}, with an optional member "seq"; each is answered {"seq","accepted","rejected"}.`;
  const { description } = documentation;
  return { ...documentation, description: description === undefined ? told : `${description} ${told}` };
}

function heading(
  method: string,
  path: string,
  tag: string,
  documentation: { summary: string; description?: string },
): Pick<Operation, 'operationId' | 'summary' | 'description' | 'tags'> {
  const { summary, description } = documentation;
  return { operationId: operationId(method, path), summary, ...(description === undefined ? {} : { description }), tags: [tag] };
}

/** `get`, `/api/v1/deploy/releases/:id` → `getApiV1DeployReleasesById`; a last slash, which is another path, is `Slash`. */
function operationId(method: string, path: string): string {
  const words = path.replace(/:/g, 'by-').split(/[/._-]+/);
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return `${method}${name}${path.endsWith('/') ? 'Slash' : ''}`;
}

/** Any of the credentials will do, with a key of any of the uses. */
function security(credentials: readonly Credential[], uses: readonly KeyUse[]): Operation['security'] {
  return credentials.flatMap((credential) => uses.map((use) => ({ [credential]: [use] })));
}

function eventName(source: Source, route: Route): string {
  if (route.documentation?.event === undefined || source.routes.length === 1) return `${source.name}_event`;
  const words = route.path.split('/').filter((word) => word !== '');
  return `${source.name}_${words.join('_').replaceAll('-', '_')}`;
}

function codingParameter(codings: readonly string[]): Parameter {
  return {
    name: 'Content-Encoding',
    in: 'header',
    required: false,
    description: 'How the body is compressed; one coding.',
    schema: { type: 'string', enum: codings },
  };
}

function bodyDescription({ kind }: Source, { body_bytes_max }: Route): string {
  const limit = body_bytes_max === undefined ? '' : ` At most ${body_bytes_max} bytes, after decompression too.`;
  const what = kind === 'batch' ? 'Events; one that breaks its schema is rejected alone.' : 'One event.';
  return `${what} Without a Content-Type, or as text/plain, application/x-www-form-urlencoded or …+json, a body is read as JSON.${limit}`;
}

function batchContent({ media_types }: PublicInterface, source: BatchSource, event: JsonSchema): Record<string, Content> {
  const batch = { type: 'object', required: [source.batch], properties: { [source.batch]: { type: 'array', items: event } } };
  const examples = Object.fromEntries(
    source.samples.map(({ name, body, accepted, rejected }) => [
      exampleName(name),
      { summary: `${name}: accepted ${accepted}, rejected ${rejected}`, value: JSON.parse(body) },
    ]),
  );
  return Object.fromEntries(
    media_types.batch.map((media_type) => [
      media_type,
      media_type.includes('ndjson')
        ? { schema: { type: 'string', description: 'One event a line, each of the schema of an element of the batch.' } }
        : { schema: batch, ...(media_type === media_types.batch[0] ? { examples } : {}) },
    ]),
  );
}

function singleContent({ media_types }: PublicInterface, source: SingleSource, route: Route, event: JsonSchema): Record<string, Content> {
  const examples = samplesOf(source, route).map(({ name, body }): [string, Example] => [
    exampleName(name),
    { summary: name, value: JSON.parse(body) },
  ]);
  return Object.fromEntries(
    media_types.single.map((media_type) => [media_type, { schema: event, examples: Object.fromEntries(examples) }]),
  );
}

/** Those that are accepted at this path, or at the same one but for the last slash. */
function samplesOf(source: SingleSource, route: Route): SingleSource['samples'] {
  const bare = (path: string | undefined): string | undefined => path?.replace(/\/$/, '');
  return source.samples.filter((sample) => sample.accepted > 0 && bare(source.routes[sample.route ?? 0]?.path) === bare(route.path));
}

function exampleName(name: string): string {
  return name.replace(/[^A-Za-z0-9]+/g, '_');
}

/** The public interface as an OpenAPI 3.1 document, made of what the routes declare: nothing of it is written twice. */
import type { JsonSchema } from '../contract/source.ts';
import { OperationErrors } from './error_codes.ts';
import { ingestOperation, openOperation, pathTemplate, readOperation, type Workshop } from './operations.ts';
import { ERROR_SCHEMAS, HEADERS } from './responses.ts';
import { Schemas } from './schemas.ts';
import type { Document, Operation, PublicInterface } from './types.ts';

/** Of the interface, not of the program: raised when a client must know. */
const INTERFACE_VERSION = '1.0.0';

const DESCRIPTION = [
  'Events come in, and what they say of releases goes out. An answer of 2xx to events means: on disk, synced.',
  'Any other path is 404 `not_found`, another method 405 `method_not_allowed` with `Allow`. A request that is no HTTP/1.1 is answered',
  '400, 431 or 505 by the HTTP engine, with a body that is not JSON, and the connection ends.',
].join(' ');

const SECURITY_SCHEMES: JsonSchema = {
  'x-api-key': { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'A key of the use that the operation names.' },
  bearer: { type: 'http', scheme: 'bearer', description: 'The same as `Authorization: Bearer KEY`.' },
  query: { type: 'apiKey', in: 'query', name: 'key', description: 'The same as `?key=KEY`, for senders that can set no header.' },
};

export function createDocument(described: PublicInterface): Document {
  const workshop: Workshop = { described, errors: new OperationErrors(described), schemas: new Schemas() };
  for (const [name, schema] of Object.entries(ERROR_SCHEMAS)) workshop.schemas.add(name, schema);
  const operations: [path: string, method: string, operation: Operation][] = [
    ...described.sources.flatMap((source) =>
      source.routes.map((route): [string, string, Operation] => [route.path, 'post', ingestOperation(workshop, source, route)]),
    ),
    ...described.read_routes.map((route): [string, string, Operation] => [route.path, 'get', readOperation(workshop, route)]),
    ...described.open_routes.map((route): [string, string, Operation] => [route.path, 'get', openOperation(route)]),
  ];
  const paths: Record<string, Record<string, Operation>> = {};
  for (const [path, method, operation] of operations) {
    const template = pathTemplate(path);
    paths[template] = { ...paths[template], [method]: operation };
  }
  const tags = new Set(operations.flatMap(([, , operation]) => operation.tags));
  return {
    openapi: '3.1.1',
    info: { title: 'Penstock', version: INTERFACE_VERSION, description: DESCRIPTION },
    tags: [...tags].map((name) => ({ name })),
    paths,
    components: { schemas: workshop.schemas.all(), headers: HEADERS, securitySchemes: SECURITY_SCHEMES },
  };
}

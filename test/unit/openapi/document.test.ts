/** The document of the public interface is valid, whole, and says neither more nor less than what is mounted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { SYSTEM_CLOCK } from '../../../src/base/system_clock.ts';
import { createReadRoutes } from '../../../src/compose/reads.ts';
import type { QueryPort } from '../../../src/contract/query.ts';
import type { Source } from '../../../src/contract/source.ts';
import { createDocument } from '../../../src/openapi/document.ts';
import { pathTemplate } from '../../../src/openapi/operations.ts';
import type { Document } from '../../../src/openapi/types.ts';
import { errorBody } from '../../../src/pipeline/front/answers.ts';
import { type HttpEngine, loadHttpEngine } from '../../../src/pipeline/front/engine.ts';
import { FrontEnd } from '../../../src/pipeline/front/front_end.ts';
import { SOURCES } from '../../../src/sources/list.ts';
import { DocumentJudge, operationsOf, references, resolvePointer } from '../../support/openapi.ts';
import { NOTES_SOURCE } from '../../support/single_source.ts';

const [NOTES_ROUTE] = NOTES_SOURCE.routes;
const SINGLE_SOURCE = { ...NOTES_SOURCE, routes: [{ ...NOTES_ROUTE, error_shape: 'code' as const }] };
const NO_ROWS: QueryPort = { rows: async () => [] };
const ERROR_STATUSES = /^[45][0-9][0-9]$/;

async function publicDocument(): Promise<Document> {
  const route = createReadRoutes(NO_ROWS).find(({ path }) => path === '/openapi.json');
  assert.ok(route);
  const tenant = { organization_id: '', project_id: '', environment: '' };
  const answer = await route.answer({ tenant, path_values: new Map(), query: new Map(), signal: new AbortController().signal });
  assert.equal(answer.status, 200);
  const document: Document = JSON.parse(answer.body);
  return document;
}

/** A document of one source that documents nothing of itself. */
function documentOf(source: Source): Document {
  return createDocument({
    sources: [source],
    read_routes: [],
    open_routes: [],
    media_types: { batch: ['application/json', 'application/x-ndjson'], single: ['application/json'] },
    codings: ['gzip'],
    errorBody,
  });
}

async function assertValid(document: Document): Promise<void> {
  const { valid, errors } = await new Validator().validate({ ...document });
  assert.deepEqual([valid, errors], [true, undefined]);
}

function assertWhole(document: Document): void {
  const operations = operationsOf(document);
  const ids = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length, ids.join());
  for (const { path, method, operation } of operations) {
    const place = `${method} ${path}`;
    assert.match(operation.operationId, /^[a-z][A-Za-z0-9]+$/, place);
    assert.match(operation.summary, /^[A-Z].*[^.]$/, place);
    const statuses = Object.keys(operation.responses);
    assert.ok(
      statuses.some((status) => status.startsWith('2')),
      place,
    );
    if (path !== '/livez')
      assert.ok(
        statuses.some((status) => ERROR_STATUSES.test(status)),
        place,
      );
    for (const name of path.matchAll(/\{([a-z_]+)\}/g)) {
      assert.ok(
        operation.parameters?.some((parameter) => parameter.in === 'path' && parameter.name === name[1]),
        place,
      );
    }
    if (method !== 'post') continue;
    const contents = Object.values(operation.requestBody?.content ?? {});
    assert.ok(contents.length > 0, place);
    assert.ok(
      contents.some(({ examples = {} }) => Object.keys(examples).length > 0),
      `${place} has no example`,
    );
  }
  for (const [place, reference] of references(document)) {
    assert.notEqual(resolvePointer(document, reference), undefined, `${place}: ${reference}`);
  }
}

/** An engine whose applications say what is mounted: `post /path`, without what refuses other methods. */
async function watchedEngine(mounted: string[]): Promise<HttpEngine> {
  const engine = await loadHttpEngine();
  const watched: HttpEngine = {
    ...engine,
    LIBUS_LISTEN_EXCLUSIVE_PORT: engine.LIBUS_LISTEN_EXCLUSIVE_PORT,
    App: () => {
      const app = engine.App();
      // A WebSocket is no operation of OpenAPI: what is told of it stands with the route whose bodies its messages are. Nor are preflights.
      for (const method of ['get', 'post', 'put', 'patch', 'del'] as const) {
        const mount: unknown = Reflect.get(app, method);
        assert.ok(typeof mount === 'function');
        Reflect.set(app, method, (path: string, handler: unknown) => {
          mounted.push(`${method} ${pathTemplate(path)}`);
          Reflect.apply(mount, app, [path, handler]);
          return app;
        });
      }
      return app;
    },
  };
  return watched;
}

test('it is valid OpenAPI 3.1', async () => {
  await assertValid(await publicDocument());
});

test('every operation has an id of its own, a summary, answers good and bad, and examples; every reference leads somewhere', async () => {
  assertWhole(await publicDocument());
});

test('every example of an answer fits the schema that it stands beside', async () => {
  const document = await publicDocument();
  const judge = new DocumentJudge(document);
  for (const { path, method, operation } of operationsOf(document)) {
    for (const [status, response] of Object.entries(operation.responses)) {
      const place = ['paths', path, method, 'responses', status, 'content', 'application/json', 'schema'];
      const pointer = `#/${place.map((step) => step.replaceAll('/', '~1')).join('/')}`;
      for (const { value } of Object.values(response.content['application/json']?.examples ?? {})) {
        assert.equal(judge.problems(pointer, value), '', pointer);
      }
    }
  }
});

test('what is mounted is in the document, and nothing else is', async () => {
  const mounted: string[] = [];
  const front = new FrontEnd(
    {
      engine: await watchedEngine(mounted),
      boundReceiveBuffers: () => undefined,
      clock: SYSTEM_CLOCK,
      random: { fraction: () => 0, uuid: () => '' },
      observer: {
        requestAnswered: () => undefined,
        readFailed: () => undefined,
        stream: { messageSettled: () => undefined, connectionEnded: () => undefined },
      },
      lookupKey: () => undefined,
      meterOf: () => undefined,
      backlog: { secondsToRoom: () => 0, secondsToCalm: () => 0 },
      submit: () => undefined,
      beginUpload: () => undefined,
      read_routes: createReadRoutes(NO_ROWS),
      health: () => undefined,
    },
    SOURCES,
    {
      body_bytes_max: 1000,
      bytes_in_flight_max: 1000,
      connections_per_address_max: 0,
      trusted_proxies: [],
      cors_origins: [],
      tls: { certificate_file: null, key_file: null },
      stream_connections_max: 1,
      stream_message_bytes_max: 1000,
      stream_window_messages: 1,
      stream_window_bytes: 1000,
      stream_idle_ms_max: 8000,
    },
  );
  await front.close(0);
  const described = operationsOf(await publicDocument()).map(({ path, method }) => `${method} ${path}`);
  assert.deepEqual(mounted.sort(), described.sort());
});

test('a source that documents nothing of itself is in it all the same, with what it declares', async () => {
  const document = documentOf(SINGLE_SOURCE);
  await assertValid(document);
  const [first] = operationsOf(document);
  assert.ok(first);
  const route = SINGLE_SOURCE.routes[0];
  assert.equal(first.path, route?.path);
  assert.ok(first.operation.responses[String(route?.status)]);
  assert.ok(first.operation.parameters?.some(({ name }) => name === 'Idempotency-Key'));
});

test("a schema's own definitions are found from the document's root", async () => {
  const schema = { $defs: { name: { type: 'string' } }, type: 'object', properties: { name: { $ref: '#/$defs/name' } } };
  const document = documentOf({ ...SINGLE_SOURCE, schema });
  await assertValid(document);
  const judge = new DocumentJudge(document);
  const pointer = `#/components/schemas/${SINGLE_SOURCE.name}_event`;
  assert.equal(judge.problems(pointer, { name: 'text' }), '');
  assert.notEqual(judge.problems(pointer, { name: 7 }), '');
  for (const [place, reference] of references(document)) assert.notEqual(resolvePointer(document, reference), undefined, place);
});

test('an error that one route claims is no longer one of all others', () => {
  const plain = documentOf(SINGLE_SOURCE);
  const [route] = SINGLE_SOURCE.routes;
  const claiming = { ...route, path: '/claiming', documentation: { summary: 'Claim', errors: ['version_conflict'] as const } };
  const claimed = documentOf({ ...SINGLE_SOURCE, routes: [route, claiming] });
  const has = (document: Document, path: string): boolean => document.paths[path]?.['post']?.responses['409'] !== undefined;
  const codes = (document: Document, path: string): string =>
    JSON.stringify(document.paths[path]?.['post']?.responses['409']?.content['application/json']?.examples);
  assert.ok(has(plain, route.path));
  assert.match(codes(plain, route.path), /version_conflict/);
  assert.doesNotMatch(codes(claimed, route.path), /version_conflict/);
  assert.match(codes(claimed, '/claiming'), /version_conflict/);
});

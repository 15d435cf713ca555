/** The public listener with read routes, for real over loopback; what stands behind the routes is played here. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SYSTEM_CLOCK } from '../../../../src/base/system_clock.ts';
import { OperatingError } from '../../../../src/contract/errors.ts';
import type { Clock } from '../../../../src/contract/ports.ts';
import type { ReadAnswer, ReadRequest, ReadRoute } from '../../../../src/contract/read_route.ts';
import { loadHttpEngine } from '../../../../src/pipeline/front/engine.ts';
import { FrontEnd } from '../../../../src/pipeline/front/front_end.ts';
import { READ_MS_MAX } from '../../../../src/pipeline/front/read_request.ts';
import { READS_MAX } from '../../../../src/pipeline/front/read_routes.ts';
import { ManualClock } from '../../../support/manual_clock.ts';
import { exchange } from '../../../support/raw_http.ts';
import { until } from '../../../support/until.ts';

const TENANT = { key_id: 'key_1', organization_id: 'o', project_id: 'p', environment: 'live' };
const WAIT_MS_MAX = 5_000;

interface Listening {
  readonly url: string;
  readonly port: number;
  readonly front: FrontEnd;
  readonly counted: string[];
  readonly failures: unknown[];
}

async function listen(context: TestContext, routes: readonly Partial<ReadRoute>[], clock: Clock = SYSTEM_CLOCK): Promise<Listening> {
  const counted: string[] = [];
  const failures: unknown[] = [];
  const read_routes = routes.map(
    (route): ReadRoute => ({
      method: 'GET',
      path: '/things/:name',
      key_uses: ['events', 'read'],
      credentials: ['x-api-key'],
      error_shape: 'code',
      query_names: ['limit'],
      answer: async () => ({ status: 200, body: '{}' }),
      ...route,
    }),
  );
  const front = new FrontEnd(
    {
      engine: await loadHttpEngine(),
      boundReceiveBuffers: () => undefined,
      clock,
      random: { fraction: () => 0, uuid: () => '' },
      observer: {
        requestAnswered: (path, status) => counted.push(`${path} ${status}`),
        readFailed: (_path, error) => failures.push(error),
        stream: { messageSettled: () => undefined, connectionEnded: () => undefined },
      },
      lookupKey: (presented, use) => (presented === `key-${use}` ? TENANT : undefined),
      meterOf: () => undefined,
      backlog: { secondsToRoom: () => 0, secondsToCalm: () => 0 },
      beginUpload: () => undefined,
      submit: () => undefined,
      read_routes,
      health: () => undefined,
    },
    [],
    {
      body_bytes_max: 1000,
      bytes_in_flight_max: 1000,
      connections_per_address_max: 0,
      trusted_proxies: [],
      cors_origins: ['https://page.example'],
      tls: { certificate_file: null, key_file: null },
      ...NO_STREAMS,
    },
  );
  const port = await front.listen('127.0.0.1', 0);
  context.after(() => front.close(0));
  return { url: `http://127.0.0.1:${port}`, port, front, counted, failures };
}

const NO_STREAMS = {
  stream_connections_max: 0,
  stream_message_bytes_max: 1000,
  stream_window_messages: 1,
  stream_window_bytes: 1000,
  stream_idle_ms_max: 8000,
};
const KEY = { 'x-api-key': 'key-read' };

test('a route gets its tenant, its decoded parameters and its query, and its answer goes out', async (context) => {
  const seen: ReadRequest[] = [];
  const answer = async (request: ReadRequest): Promise<ReadAnswer> => {
    seen.push(request);
    return { status: 200, body: '{"ok":true}' };
  };
  const { url, counted } = await listen(context, [{ answer }]);
  const response = await fetch(`${url}/things/a%2Fb?limit=5`, { headers: KEY });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.deepEqual(await response.json(), { ok: true });
  assert.deepEqual(
    seen.map(({ tenant, path_values, query }) => [tenant, [...path_values], [...query]]),
    [[TENANT, [['name', 'a/b']], [['limit', '5']]]],
  );
  assert.deepEqual(counted, ['/things/:name 200']);
});

test('keys of each of its uses may ask, others get 401; a route for anyone needs none', async (context) => {
  const { url } = await listen(context, [{}, { path: '/open', key_uses: [], credentials: [] }]);
  const status = async (path: string, key?: string): Promise<number> =>
    (await fetch(url + path, { headers: key === undefined ? {} : { 'x-api-key': key } })).status;
  for (const use of ['events', 'read']) assert.equal(await status('/things/a', `key-${use}`), 200);
  for (const wrong of [undefined, '', 'key-deploy', 'key-webhook', 'x']) assert.equal(await status('/things/a', wrong), 401);
  assert.equal(await status('/open'), 200);
});

test('wrong methods get 405 with Allow, HEAD without a body; other paths 404', async (context) => {
  const { url, port } = await listen(context, [{}]);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const response = await fetch(`${url}/things/a`, { method, headers: KEY });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'GET');
    assert.match(await response.text(), /method_not_allowed/);
  }
  const head = await exchange(port, ['HEAD /things/a HTTP/1.1\r\nHost: h\r\n\r\n']);
  assert.match(head, /^HTTP\/1\.1 405 [\s\S]*\r\n\r\n$/);
  for (const path of ['/things', '/things/', '/things/a/b']) assert.equal((await fetch(url + path, { headers: KEY })).status, 404);
});

test('a refused parameter is named, in the shape of the route', async (context) => {
  const { url } = await listen(context, [{}, { path: '/details', error_shape: 'detail' }]);
  const code = await fetch(`${url}/things/%ff`, { headers: KEY });
  assert.equal(code.status, 400);
  assert.match(await code.text(), /^\{"ok":false,"error":"parameter_invalid","message":"The parameter \\"name\\"/);
  const detail = await fetch(`${url}/details?nonsense=1`, { headers: KEY });
  assert.equal(detail.status, 400);
  assert.match(await detail.text(), /^\{"detail":"The parameter \\"nonsense\\"/);
});

test('what the catalogue knows is answered as it says, what is a bug is logged and 500 without a word of it', async (context) => {
  const bug = new Error('secret detail');
  const { url, failures } = await listen(context, [
    { path: '/world', answer: () => Promise.reject(new OperatingError('overloaded')) },
    { path: '/bug', answer: () => Promise.reject(bug) },
  ]);
  const world = await fetch(`${url}/world`, { headers: KEY });
  assert.equal(world.status, 503);
  assert.equal(world.headers.get('retry-after'), '1');
  assert.deepEqual(failures, []);
  const broken = await fetch(`${url}/bug`, { headers: KEY });
  assert.equal(broken.status, 500);
  assert.doesNotMatch(await broken.text(), /secret/);
  assert.deepEqual(failures, [bug]);
});

test('only so many are worked on at once; a client that goes away frees its place when the work has ended', async (context) => {
  const waiting: { request: ReadRequest; end: () => void }[] = [];
  const answer = (request: ReadRequest): Promise<ReadAnswer> =>
    new Promise((resolve) => waiting.push({ request, end: () => resolve({ status: 200, body: '{}' }) }));
  const { url, front } = await listen(context, [{ answer }]);
  const leaving = new AbortController();
  const gone = fetch(`${url}/things/gone`, { headers: KEY, signal: leaving.signal }).catch(() => 'gone');
  const staying = Array.from({ length: READS_MAX - 1 }, () => fetch(`${url}/things/stay`, { headers: KEY }));
  await until('all are at work', WAIT_MS_MAX, () => waiting.length === READS_MAX);
  const refused = await fetch(`${url}/things/more`, { headers: KEY });
  assert.equal(refused.status, 503);
  assert.notEqual(refused.headers.get('retry-after'), null);

  leaving.abort();
  assert.equal(await gone, 'gone');
  const abandoned = waiting.find(({ request }) => request.path_values.get('name') === 'gone');
  await until('the work hears of it', WAIT_MS_MAX, () => abandoned?.request.signal.aborted === true);
  assert.equal((await fetch(`${url}/things/more`, { headers: KEY })).status, 503);
  abandoned?.end();
  const late = fetch(`${url}/things/late`, { headers: KEY });
  await until('there is a place again', WAIT_MS_MAX, () => waiting.length === READS_MAX + 1);
  for (const { end } of waiting) end();
  for (const response of await Promise.all([...staying, late])) assert.equal(response.status, 200);
  assert.equal(front.inFlight(), 0);
});

test('an answer that takes too long is 503, and the work is told', async (context) => {
  const clock = new ManualClock(0);
  let signal: AbortSignal | undefined;
  const answer = (request: ReadRequest): Promise<ReadAnswer> => {
    signal = request.signal;
    return new Promise((_resolve, reject) => request.signal.addEventListener('abort', () => reject(new Error('ended'))));
  };
  const { url, failures, front } = await listen(context, [{ answer }], clock);
  const response = fetch(`${url}/things/slow`, { headers: KEY });
  await until('it is at work', WAIT_MS_MAX, () => signal !== undefined);
  clock.advance(READ_MS_MAX);
  assert.equal((await response).status, 503);
  assert.match(await (await response).text(), /read_timed_out/);
  assert.equal(signal?.aborted, true);
  assert.deepEqual(failures, []);
  assert.equal(front.inFlight(), 0);
});

test('a body that comes with a GET ends the connection, lengths that contradict each other are refused', async (context) => {
  const { port } = await listen(context, [{}]);
  const head = 'GET /things/a HTTP/1.1\r\nHost: h\r\nx-api-key: key-read\r\n';
  const with_body = await exchange(port, [`${head}Content-Length: 5\r\n\r\nhello`]);
  assert.match(with_body, /^HTTP\/1\.1 200 /);
  assert.match(await exchange(port, [`${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`]), /^HTTP\/1\.1 400 /);
});

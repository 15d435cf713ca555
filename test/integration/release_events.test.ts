/** Deployment and build events over HTTP: what is refused and in which words, and what is in ClickHouse of what is not. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { DaemonHome } from '../support/daemon.ts';
import { exchange } from '../support/raw_http.ts';
import { until } from '../support/until.ts';

const DELIVERY_MS_MAX = 10_000;
const DEPLOYMENT = { product_name: 'shop', version: '1.0.0', environment_name: 'production', status: 'success' };
const BUILD = { product_name: 'shop', version: '1.0.0', status: 'completed' };
const PATHS = ['/deployment-events/', '/deployment-events', '/build-events/', '/build-events'] as const;

/** One daemon for all whose events are of organizations of their own. */
const home = await DaemonHome.create({ after });
const key = await home.createKeyOf('events', 'org_bad');
const [key_a, key_b] = [await home.createKeyOf('events', 'org_a'), await home.createKeyOf('events', 'org_b')];
const metadata_key = await home.createKeyOf('events', 'org_metadata');
const deploy_key = await home.createKey('deploy');
const daemon = await home.start();

type Headers = Readonly<Record<string, string>>;

const BOTH = "organization_id IN ('org_a', 'org_b')";

function countOf(table: string, organization: string): Promise<number> {
  return daemon.count(`${table} WHERE organization_id = '${organization}'`);
}

/** Status and `detail`; every error of these routes is of this shape and of no other. */
async function refusalOf(answer: Response): Promise<string> {
  const body: Record<string, unknown> = JSON.parse(await answer.text());
  assert.deepEqual(Object.keys(body), ['detail']);
  return `${answer.status} ${String(body['detail'])}`;
}

async function stored(path: string, event: unknown, own_key: string): Promise<string> {
  const answer = await daemon.post(path, JSON.stringify(event), { Authorization: `Bearer ${own_key}` });
  assert.equal(answer.status, 200, await answer.clone().text());
  const { id }: { id: string } = JSON.parse(await answer.text());
  return id;
}

test('bad requests are refused with a detail that names what is wrong', async (context) => {
  const post = async (path: string, body: string | Uint8Array, headers: Headers = {}): Promise<string> =>
    refusalOf(await daemon.post(path, body, { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json', ...headers }));

  await context.test('fields', async () => {
    for (const path of PATHS) {
      const event = path.startsWith('/deployment') ? DEPLOYMENT : BUILD;
      const refusal = (changes: object): Promise<string> => post(path, JSON.stringify({ ...event, ...changes }));
      for (const field of Object.keys(event)) {
        for (const absent of [undefined, null, '']) assert.equal(await refusal({ [field]: absent }), `400 Field '${field}' is required`);
        assert.equal(await refusal({ [field]: 7 }), `400 Field '${field}' must be a string`);
      }
      assert.equal(await refusal({ build_number: 7 }), "400 Field 'build_number' must be a string");
      assert.equal(await refusal({ extra_metadata: [1] }), "400 Field 'extra_metadata' must be an object");
      assert.match(await refusal({ status: 'finished' }), /^400 Field 'status' must be one of: .*success, completed, /);
    }
  });

  await context.test('ten megabytes of metadata', async () => {
    const event = { ...BUILD, extra_metadata: { text: 'x'.repeat(10_000_000) } };
    assert.equal(await post('/build-events/', JSON.stringify(event)), "400 Field 'extra_metadata' is larger than 1048576 bytes");
  });

  await context.test('bodies that are no event', async () => {
    for (const body of ['', '{', 'nonsense', '\ufeff{}'])
      assert.match(await post('/build-events', body), /^400 The body is not valid JSON/);
    for (const body of ['[]', `[${JSON.stringify(BUILD)}]`, '"x"', 'null', '7'])
      assert.equal(await post('/build-events', body), '400 The body must be a JSON object.');
    assert.match(await post('/build-events', '{"a":'.repeat(5000)), /^400 The body nests deeper/);
  });

  await context.test('keys, media types, sizes, addresses and methods', async () => {
    for (const AUTHORIZATION of ['', 'Bearer ', 'Bearer wrong', `Bearer ${deploy_key}`, `Basic ${key}`])
      assert.equal(await post('/build-events/', JSON.stringify(BUILD), { Authorization: AUTHORIZATION }), '401 Invalid API key');
    for (const type of ['text/html', 'multipart/form-data; boundary=x', 'application/xml'])
      assert.match(await post('/build-events', JSON.stringify(BUILD), { 'Content-Type': type }), /^415 The media type/);
    const head = `POST /build-events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${key}\r\n`;
    assert.match(await exchange(home.http_port, [`${head}Content-Length: 40000000\r\n\r\n`]), /^HTTP\/1\.1 413 [\s\S]*\{"detail":/);
    for (const path of ['/build-events/1', '/deployment-events//']) assert.match(await post(path, JSON.stringify(BUILD)), /^404 /);
    for (const path of PATHS) assert.match(await refusalOf(await fetch(daemon.url(path))), /^405 /);
    const conflict = `POST /build-events HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}`;
    assert.match(await exchange(home.http_port, [conflict]), /^HTTP\/1\.1 400 [\s\S]*\{"detail":/);
    assert.match(await post('/build-events', JSON.stringify(BUILD), { 'Idempotency-Key': 'x'.repeat(300) }), /^400 The Idempotency-Key/);
  });

  await context.test('what clients send unasked is taken, and nothing else was stored', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/json; charset=utf-8']) {
      const headers = { Authorization: `bearer ${key}`, 'Content-Type': type };
      assert.equal((await daemon.post('/build-events', JSON.stringify(BUILD), headers)).status, 200);
    }
    await until('they are delivered', DELIVERY_MS_MAX, async () => (await countOf('build_events', 'org_bad')) === 3);
    assert.equal(await countOf('deployment_events', 'org_bad'), 0);
    assert.equal(daemon.stderr, '');
  });
});

test('products, environments and versions are there once somebody named them, each once, and for their organization alone', async () => {
  await stored('/build-events', { ...BUILD, status: 'started' }, key_a);
  await stored('/build-events', { ...BUILD, scm_sha: 'abc' }, key_a);
  for (const environment_name of ['staging', 'production', 'production'])
    await stored('/deployment-events', { ...DEPLOYMENT, environment_name }, key_a);
  await stored('/deployment-events', { ...DEPLOYMENT, version: '2', scm_sha: 'def' }, key_b);

  const events = `SELECT count() AS rows FROM (SELECT id FROM deployment_events WHERE ${BOTH} UNION ALL SELECT id FROM build_events WHERE ${BOTH})`;
  await until('they are delivered', DELIVERY_MS_MAX, async () => Number((await daemon.query<{ rows: string }>(events))[0]?.rows) === 6);
  const rows_of = (view: string, columns: string): Promise<unknown[]> =>
    daemon.query(`SELECT ${columns}, abs(first_seen - now64(3)) < 20 AS is_now FROM ${view} WHERE ${BOTH} ORDER BY ALL`);
  const [a, b] = [{ organization_id: 'org_a' }, { organization_id: 'org_b' }];
  assert.deepEqual(await rows_of('products', 'organization_id, product_name'), [
    { ...a, product_name: 'shop', is_now: 1 },
    { ...b, product_name: 'shop', is_now: 1 },
  ]);
  assert.deepEqual(await rows_of('environments', 'organization_id, environment_name'), [
    { ...a, environment_name: 'production', is_now: 1 },
    { ...a, environment_name: 'staging', is_now: 1 },
    { ...b, environment_name: 'production', is_now: 1 },
  ]);
  assert.deepEqual(await rows_of('versions', 'organization_id, product_name, version, scm_sha'), [
    { ...a, product_name: 'shop', version: '1.0.0', scm_sha: 'abc', is_now: 1 },
    { ...b, product_name: 'shop', version: '2', scm_sha: 'def', is_now: 1 },
  ]);
  const [first] = await daemon.query<{
    first: number;
  }>(`SELECT first_seen = (SELECT min(created_at) FROM build_events WHERE organization_id = 'org_a') AS first
    FROM versions WHERE organization_id = 'org_a'`);
  assert.equal(Number(first?.first), 1);
});

test('metadata that the JSON column cannot take is kept as text, the event stands, and the queue moves', async () => {
  const texts = [
    '{"a.b":1,"a":{"b":2}}',
    '{"a":1e400}',
    '{"a":"\\ud800"}',
    '{"a":1,"a":2}',
    '{"steps":[{"name":"x","ok":true}],"n":{"m":1.5}}',
  ];
  for (const text of texts) {
    const body = `{"extra_metadata":${text},${JSON.stringify(BUILD).slice(1)}`;
    const answer = await daemon.post('/build-events', body, { Authorization: `Bearer ${metadata_key}` });
    assert.equal(answer.status, 200);
    assert.ok((await answer.text()).endsWith(`"extra_metadata":${text}}`));
  }
  await until('all are delivered', DELIVERY_MS_MAX, async () => (await countOf('build_events', 'org_metadata')) === texts.length);
  const rows = await daemon.query<{ raw: string; m: number | null }>(
    "SELECT extra_metadata_raw AS raw, extra_metadata.n.m AS m FROM build_events WHERE organization_id = 'org_metadata' ORDER BY created_at",
  );
  assert.deepEqual(
    rows.map(({ raw }) => raw),
    [...texts.slice(0, -1), ''],
  );
  assert.equal(Number(rows.at(-1)?.m), 1.5);
});

/** What a release page reads: products, versions, what is deployed where, and how long deployments took. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

/** Seal age, one INSERT, and a slow machine. */
const VISIBLE_MS_MAX = 10_000;

type Json = Record<string, unknown>;

class Pipeline {
  posted = 0;

  constructor(
    private readonly daemon: RunningDaemon,
    private readonly key: string,
  ) {}

  /** Posts an event and resolves to its id. */
  async post(path: '/deployment-events' | '/build-events', event: object): Promise<string> {
    const answer = await this.daemon.post(path, JSON.stringify(event), { Authorization: `Bearer ${this.key}` });
    assert.equal(answer.status, 200);
    this.posted++;
    const { id }: { id: string } = JSON.parse(await answer.text());
    return id;
  }

  build(version: string, status: string, more: object = {}): Promise<string> {
    return this.post('/build-events', { product_name: 'shop', version, status, ...more });
  }

  deploy(version: string, environment_name: string, status: string, more: object = {}): Promise<string> {
    return this.post('/deployment-events', { product_name: 'shop', version, environment_name, status, ...more });
  }

  async get(path: string, key = this.key): Promise<Json> {
    const answer = await fetch(this.daemon.url(path), { headers: { Authorization: `Bearer ${key}` } });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    const body: Json = JSON.parse(text);
    return body;
  }

  async visible(): Promise<void> {
    const events = 'SELECT count() AS rows FROM (SELECT id FROM deployment_events UNION ALL SELECT id FROM build_events)';
    await until('all events are visible', VISIBLE_MS_MAX, async () => {
      const [row] = await this.daemon.query<{ rows: string }>(events);
      return Number(row?.rows) === this.posted;
    });
  }
}

/** The items of an answer, without what differs from run to run. */
function items(body: Json, member: string, names: readonly string[]): Json[] {
  const list: Json[] = JSON.parse(JSON.stringify(body[member]));
  return list.map((item) => Object.fromEntries(names.map((name) => [name, item[name]])));
}

async function refusalOf(answer: Response): Promise<string> {
  const body: Json = JSON.parse(await answer.text());
  assert.deepEqual(Object.keys(body), ['detail']);
  return `${answer.status} ${String(body['detail'])}`;
}

test('a release page: products, their versions, what runs where, what is in progress, how long it took', async (context) => {
  const home = await DaemonHome.create(context);
  const [key, other_key] = [await home.createKeyOf('events', 'org_a'), await home.createKeyOf('events', 'org_b')];
  const read_key = await home.createKey('read', { organization_id: 'org_a' });
  const daemon = await home.start();
  const pipeline = new Pipeline(daemon, key);
  const ids: string[] = [];

  await pipeline.build('1.0', 'started');
  await pipeline.build('1.0', 'completed', { scm_sha: 'abc' });
  ids.push(await pipeline.deploy('1.0', 'production', 'queued'));
  await pipeline.deploy('1.0', 'production', 'started', { deployed_by: 'jane' });
  await sleep(30);
  const completed = await pipeline.deploy('1.0', 'production', 'success');
  await sleep(5);
  ids.push(await pipeline.deploy('1.1', 'production', 'started', { invoke_id: 'run-1', deployed_by: 'john', build_url: 'https://ci/1' }));
  ids.push(await pipeline.deploy('1.1', 'staging', 'started', { invoke_id: 'run-2' }));
  await pipeline.deploy('1.1', 'staging', 'failed', { invoke_id: 'run-2' });
  await sleep(5);
  ids.push(await pipeline.deploy('1.1', 'staging', 'started', { invoke_id: 'run-2' }));
  await pipeline.post('/build-events', { product_name: 'a b/ü', version: '7', status: 'failed' });
  await pipeline.visible();

  await context.test('GET /products', async () => {
    const body = await pipeline.get('/products');
    assert.deepEqual(items(body, 'products', ['product_name', 'versions', 'environments']), [
      { product_name: 'a b/ü', versions: 1, environments: 0 },
      { product_name: 'shop', versions: 2, environments: 2 },
    ]);
    assert.equal(body['next'], null);
    assert.deepEqual(await pipeline.get('/products', read_key), body);
  });

  await context.test('GET /products/:name/versions, the newest first', async () => {
    assert.deepEqual(items(await pipeline.get('/products/shop/versions'), 'versions', ['version', 'scm_sha', 'build_status']), [
      { version: '1.1', scm_sha: null, build_status: null },
      { version: '1.0', scm_sha: 'abc', build_status: 'completed' },
    ]);
    const { product_name } = await pipeline.get(`/products/${encodeURIComponent('a b/ü')}/versions`);
    assert.equal(product_name, 'a b/ü');
  });

  await context.test('GET /products/:name/environments: the latest completed deployment, and what is in progress', async () => {
    const body = await pipeline.get('/products/shop/environments');
    assert.deepEqual(items(body, 'environments', ['environment_name']), [
      { environment_name: 'production' },
      { environment_name: 'staging' },
    ]);
    const [production, staging]: { current: Json | null; in_progress: Json[] }[] = JSON.parse(JSON.stringify(body['environments']));
    const { since, ...current } = production.current ?? {};
    assert.deepEqual(current, { id: completed, version: '1.0', scm_sha: 'abc', deployed_by: null, build_url: null });
    assert.ok(Math.abs(Date.parse(String(since)) - Date.now()) < 60_000);
    assert.deepEqual(
      items({ in_progress: production.in_progress }, 'in_progress', ['id', 'version', 'status', 'deployed_by', 'build_url']),
      [{ id: ids[1], version: '1.1', status: 'started', deployed_by: 'john', build_url: 'https://ci/1' }],
    );
    assert.equal(staging.current, null);
    assert.deepEqual(items({ in_progress: staging.in_progress }, 'in_progress', ['id', 'status']), [{ id: ids[3], status: 'started' }]);
    assert.deepEqual(
      items(await pipeline.get(`/products/${encodeURIComponent('a b/ü')}/environments`), 'environments', ['environment_name']),
      [],
    );
  });

  await context.test('GET /products/:name/deployments, the latest first, each from its start to its end', async () => {
    const names = ['id', 'version', 'environment_name', 'status', 'invoke_id', 'deployed_by'];
    const body = await pipeline.get('/products/shop/deployments');
    assert.deepEqual(
      items(body, 'deployments', names).map((item) => Object.values(item)),
      [
        [ids[3], '1.1', 'staging', 'started', 'run-2', null],
        [ids[2], '1.1', 'staging', 'failed', 'run-2', null],
        [ids[1], '1.1', 'production', 'started', 'run-1', 'john'],
        [ids[0], '1.0', 'production', 'completed', null, 'jane'],
      ],
    );
    const deployments = items(body, 'deployments', ['duration_ms', 'pending_at', 'started_at', 'ended_at']);
    const [running, failed, , done] = deployments;
    assert.deepEqual([running['duration_ms'], running['ended_at'], running['pending_at']], [null, null, null]);
    assert.ok(Number(failed['duration_ms']) >= 0);
    assert.ok(Number(done['duration_ms']) >= 25 && Number(done['duration_ms']) < 60_000);
    assert.equal(Date.parse(String(done['ended_at'])) - Date.parse(String(done['started_at'])), done['duration_ms']);
    assert.ok(Date.parse(String(done['pending_at'])) <= Date.parse(String(done['started_at'])));
  });

  await context.test('pages follow each other without a gap', async () => {
    for (const [path, member, name] of [
      ['/products', 'products', 'product_name'],
      ['/products/shop/versions', 'versions', 'version'],
      ['/products/shop/environments', 'environments', 'environment_name'],
      ['/products/shop/deployments', 'deployments', 'id'],
    ] as const) {
      const all = items(await pipeline.get(path), member, [name]);
      const seen: Json[] = [];
      for (let after: unknown = ''; after !== null; ) {
        const body = await pipeline.get(`${path}?limit=1${after === '' ? '' : `&after=${encodeURIComponent(String(after))}`}`);
        seen.push(...items(body, member, [name]));
        after = body['next'];
      }
      assert.deepEqual(seen, all, path);
    }
  });

  await context.test('what is refused says why, and other organizations see nothing', async () => {
    const get = (path: string, headers: Record<string, string> = { Authorization: `Bearer ${key}` }): Promise<string> =>
      fetch(daemon.url(path), { headers }).then(refusalOf);
    for (const member of ['versions', 'environments', 'deployments']) {
      assert.equal(await get(`/products/nothing/${member}`), "404 There is no product 'nothing'.");
      assert.equal(await get(`/products/shop/${member}`, { Authorization: `Bearer ${other_key}` }), "404 There is no product 'shop'.");
    }
    assert.deepEqual((await pipeline.get('/products', other_key))['products'], []);
    for (const query of ['limit=0', 'limit=x', 'limit=1001', 'after=', 'nonsense=1'])
      assert.match(await get(`/products?${query}`), /^400 The parameter/, query);
    for (const after of ['x', completed.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))])
      assert.match(await get(`/products/shop/deployments?after=${after}`), /^400 The parameter "after"/);
    assert.match(await get('/products/shop/versions?after=none'), /^400 The parameter "after"/);
    assert.match(await get('/products', {}), /^401 Invalid API key/);
    assert.match(await get('/products/shop'), /^404 /);
    assert.match(await refusalOf(await fetch(daemon.url('/products'), { method: 'POST' })), /^405 /);
  });
});

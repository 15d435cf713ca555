/** What a new user does, in the order of the README: start, send, read back, stop, start again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonHome } from '../support/daemon.ts';
import { until } from '../support/until.ts';

/** Alone on the machine it is a second and a tenth, of three that are promised; other tests take their part of the processors. */
const DELIVERY_MS_MAX = 6_000;

test('the first start prints keys and a curl that works, and the event is in ClickHouse within seconds', async (context) => {
  const home = await DaemonHome.createEmpty(context);
  const daemon = await home.start();
  await until('the message is printed', DELIVERY_MS_MAX, () => daemon.stdout.includes('curl '));
  const [, key = '', body = ''] = /curl \S+ -H 'x-api-key: (\S+)' -d '([^']+)'/.exec(daemon.stdout) ?? [];
  for (const prefix of ['sk_live_', 'sk_org_demo_k1_', 'whk_', 'rk_']) assert.ok(daemon.stdout.includes(prefix), prefix);

  const answer = await daemon.post('/api/deploy/report', body, { 'x-api-key': key, 'Content-Type': 'application/x-www-form-urlencoded' });
  assert.equal(answer.status, 202);
  assert.deepEqual(await answer.json(), { accepted: 1, rejected: 0 });

  await until('the event is delivered', DELIVERY_MS_MAX, async () => (await daemon.count('deploy_events')) === 1);
  const columns = 'organization_id, project_id, environment, event_type, metadata.first_render_ms AS first_render_ms';
  const sql = `SELECT ${columns}, abs(timestamp - now64(3)) < 10 AS is_now, dynamicType(metadata.first_render_ms) AS type FROM deploy_events`;
  const { code, stdout } = await home.command(['sql', sql, '--format', 'JSONEachRow']);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), {
    organization_id: 'org_demo',
    project_id: 'proj_demo',
    environment: 'live',
    event_type: 'apply_success',
    first_render_ms: 820,
    is_now: 1,
    type: 'Int64',
  });
});

test('what was acknowledged is there after a stop and a start, and no keys are printed again', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '60000' });
  const key = await home.createKey('deploy');
  const first = await home.start();
  const report = (distinct_id: string): string => JSON.stringify({ events: [{ event_type: 'rollback', release_id: 'r', distinct_id }] });
  for (let index = 0; index < 5; index++) {
    assert.equal((await first.post('/api/deploy/report', report(`device_${index}`), { 'x-api-key': key })).status, 202);
  }
  assert.equal(await first.stop(), 0);
  const second = await home.start();
  assert.equal(await second.count('deploy_events'), 5);
  assert.ok(!second.stdout.includes('curl '));
});

test('what was acknowledged survives a kill -9', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '60000' });
  const key = await home.createKey('deploy');
  const first = await home.start();
  const events = Array.from({ length: 100 }, (_, index) => ({ event_type: 'rollback', release_id: 'r', distinct_id: `device_${index}` }));
  const answer = await first.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': key });
  assert.deepEqual(await answer.json(), { accepted: 100, rejected: 0 });
  await first.stop('SIGKILL');
  const second = await home.start();
  await until('the events are delivered', 10_000, async () => (await second.count('deploy_events')) === 100);
});

test('load pushes events, and count() says as many', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  const events = 50_000;
  const load = await home.command(['load', '--url', daemon.url(''), '--key', key, '--events', String(events), '--seed', '7', '--json']);
  assert.equal(load.code, 0, load.stderr);
  await until('all are delivered', 20_000, async () => (await daemon.count('deploy_events')) === events);
  const [row] = await daemon.query<{ ids: string }>('SELECT uniqExact(event_id) AS ids FROM deploy_events');
  assert.equal(Number(row?.ids), events);
});

test('metrics are Prometheus text and count what happened', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  const events = [{ event_type: 'rollback', release_id: 'r', distinct_id: 'd' }, { event_type: 'nonsense' }];
  await daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': key });
  const answer = await fetch(daemon.adminUrl('/metrics'));
  const text = await answer.text();
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(text, /^penstock_events_accepted_total\{source="deploy_report"\} 1$/m);
  assert.match(text, /^penstock_events_rejected_total\{source="deploy_report",reason="missing_field"\} 1$/m);
  assert.match(text, /^penstock_http_requests_total\{route="\/api\/deploy\/report",status="202"\} 1$/m);
  for (const line of text.split('\n').filter(Boolean)) assert.match(line, /^(# (HELP|TYPE) )?penstock_[a-z0-9_]+/);
});

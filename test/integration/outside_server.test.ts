/** A ClickHouse that is not ours: away at the start, there, away again. Played by an engine that the test starts and stops. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { EmbeddedClickHouse } from '../../src/clickhouse/embedded/supervisor.ts';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const PASSWORD = 'p@ss:word/%';
const DELIVERY_MS_MAX = 15_000;

/** A server that can be stopped and started on one port with its data kept. */
async function createServer(context: TestContext, port: number): Promise<EmbeddedClickHouse> {
  const data_directory = await mkdtemp(join(tmpdir(), 'penstock-server-'));
  const server = new EmbeddedClickHouse({ data_directory, port, password: PASSWORD, clock: SYSTEM_CLOCK, on_log: () => undefined });
  context.after(async () => {
    await server.stop(5_000);
    await rm(data_directory, { recursive: true, force: true, maxRetries: 5 });
  });
  return server;
}

async function send(daemon: RunningDaemon, key: string, distinct_id: string): Promise<void> {
  const events = [{ event_type: 'rollback', release_id: 'r', distinct_id }];
  const answer = await daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': key });
  assert.equal(answer.status, 202);
}

async function ready(daemon: RunningDaemon): Promise<{ status: number; state: string }> {
  const answer = await fetch(daemon.url('/readyz'));
  const body: { clickhouse: { state: string } } = JSON.parse(await answer.text());
  return { status: answer.status, state: body.clickhouse.state };
}

async function devices(url: string): Promise<string[]> {
  const sql = 'SELECT distinct_id FROM penstock.deploy_events ORDER BY distinct_id';
  const answer = await fetch(`${url}/?user=default&password=${encodeURIComponent(PASSWORD)}`, { method: 'POST', body: sql });
  return answer.ok ? (await answer.text()).split('\n').filter(Boolean) : [];
}

test('events are acknowledged while the server is away, and delivered once each when it comes and comes back', async (context) => {
  const home = await DaemonHome.create(context);
  const server = await createServer(context, home.engine_port);
  const url = `http://127.0.0.1:${home.engine_port}`;
  const key = await home.createKey('deploy');
  const address = `http://default:${encodeURIComponent(PASSWORD)}@127.0.0.1:${home.engine_port}`;
  const daemon = await home.start({ PENSTOCK_CLICKHOUSE__URL: address });
  await send(daemon, key, 'a');
  await until('the server is known to be away', 5_000, async () => (await ready(daemon)).state === 'down');
  assert.equal((await ready(daemon)).status, 200);

  await server.start();
  await until('the first event is delivered', DELIVERY_MS_MAX, async () => (await devices(url)).join() === 'a');
  await server.stop(5_000);
  await send(daemon, key, 'b');
  await until('the server is known to be away again', 5_000, async () => (await ready(daemon)).state === 'down');
  await server.start();
  await until('the second event is delivered', DELIVERY_MS_MAX, async () => (await devices(url)).join() === 'a,b');

  assert.equal(await daemon.stop(), 0);
  assert.ok(!daemon.stdout.includes(PASSWORD) && !daemon.stdout.includes(encodeURIComponent(PASSWORD)), 'the password is in the log');
});

test('a daemon that is stopped while the server is away keeps what it has, and ends in time', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_DELIVERY__SHUTDOWN_MS_MAX: '1000' });
  const server = await createServer(context, home.engine_port);
  const settings = { PENSTOCK_CLICKHOUSE__URL: `http://default:${encodeURIComponent(PASSWORD)}@127.0.0.1:${home.engine_port}` };
  const key = await home.createKey('deploy');
  const first = await home.start(settings);
  await send(first, key, 'kept');
  const started_ms = performance.now();
  assert.equal(await first.stop(), 0);
  assert.ok(performance.now() - started_ms < 15_000);
  await server.start();
  await home.start(settings);
  await until('the event is delivered', DELIVERY_MS_MAX, async () => (await devices(server.url)).join() === 'kept');
});

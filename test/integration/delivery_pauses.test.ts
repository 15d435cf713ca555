/** What only a person can put right: delivery pauses, /readyz says so in ClickHouse's words, and it goes on by itself afterwards. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { EmbeddedClickHouse } from '../../src/clickhouse/embedded/supervisor.ts';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const PAUSE_MS_MAX = 10_000;
/** More than the interval in which a paused table is tried. */
const RECOVERY_MS_MAX = 25_000;

interface Ready {
  readonly ready: boolean;
  readonly clickhouse: { readonly last_error: string | null };
  readonly delivery: { readonly problem: string | null };
}

async function readiness(daemon: RunningDaemon): Promise<Ready> {
  const body: Ready = JSON.parse(await (await fetch(daemon.url('/readyz'))).text());
  return body;
}

async function send(daemon: RunningDaemon, key: string, distinct_id: string): Promise<void> {
  const events = [{ event_type: 'rollback', release_id: 'r', distinct_id }];
  const answer = await daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': key });
  assert.equal(answer.status, 202);
}

test('a table that is missing pauses delivery in so many words, and what waited is delivered once when it is back', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  await send(daemon, key, 'before');
  await until('the first event is delivered', PAUSE_MS_MAX, async () => (await daemon.count('deploy_events')) === 1);
  await daemon.query('RENAME TABLE deploy_events TO hidden');
  await send(daemon, key, 'meanwhile');
  await until('delivery is paused', PAUSE_MS_MAX, async () => (await readiness(daemon)).delivery.problem !== null);
  const { ready, delivery } = await readiness(daemon);
  assert.ok(ready, 'events can still be acknowledged');
  assert.match(delivery.problem ?? '', /^deploy_events is paused: .*(deploy_events.*does not exist|UNKNOWN_TABLE)/i);
  assert.match(daemon.stdout, /"level":"error".*"state":"paused".*"event":"delivery_state"/);
  await daemon.query('RENAME TABLE hidden TO deploy_events');
  await until('the second event is delivered', RECOVERY_MS_MAX, async () => (await daemon.count('deploy_events')) === 2);
  await until('nothing is wrong any more', PAUSE_MS_MAX, async () => (await readiness(daemon)).delivery.problem === null);
});

/** A server with one password, and another server's data under another. */
async function startServer(context: TestContext, port: number, directory: string, password: string): Promise<EmbeddedClickHouse> {
  const server = new EmbeddedClickHouse({ data_directory: directory, port, password, clock: SYSTEM_CLOCK, on_log: () => undefined });
  context.after(() => server.stop(5_000));
  await server.start();
  return server;
}

test('a password that is no longer right pauses delivery in so many words, and it goes on when it is right again', async (context) => {
  const home = await DaemonHome.create(context);
  const directory = await mkdtemp(join(tmpdir(), 'penstock-server-'));
  context.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const first = await startServer(context, home.engine_port, directory, 'right');
  const key = await home.createKey('deploy');
  const daemon = await home.start({ PENSTOCK_CLICKHOUSE__URL: `http://default:right@127.0.0.1:${home.engine_port}` });
  const rows = async (): Promise<string> => {
    const url = `http://127.0.0.1:${home.engine_port}/?user=default&password=right`;
    return (await fetch(url, { method: 'POST', body: 'SELECT count() FROM penstock.deploy_events' })).text();
  };
  await send(daemon, key, 'before');
  await until('the first event is delivered', PAUSE_MS_MAX, async () => (await rows()).trim() === '1');
  await first.stop(5_000);
  const changed = await startServer(context, home.engine_port, directory, 'changed');
  await send(daemon, key, 'meanwhile');
  await until('delivery is paused', RECOVERY_MS_MAX, async () => /is paused/.test((await readiness(daemon)).delivery.problem ?? ''));
  assert.match((await readiness(daemon)).delivery.problem ?? '', /(AUTHENTICATION_FAILED|WRONG_PASSWORD|Authentication failed)/i);
  await changed.stop(5_000);
  await startServer(context, home.engine_port, directory, 'right');
  await until('the second event is delivered', RECOVERY_MS_MAX, async () => (await rows()).trim() === '2');
});

test('a password that is wrong from the start is told, and nothing is lost by it', async (context) => {
  const home = await DaemonHome.create(context);
  const directory = await mkdtemp(join(tmpdir(), 'penstock-server-'));
  context.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  await startServer(context, home.engine_port, directory, 'right');
  const key = await home.createKey('deploy');
  const daemon = await home.start({ PENSTOCK_CLICKHOUSE__URL: `http://default:wrong@127.0.0.1:${home.engine_port}` });
  await send(daemon, key, 'kept');
  await until('the reason is told', PAUSE_MS_MAX, async () => (await readiness(daemon)).clickhouse.last_error !== null);
  const { ready, clickhouse } = await readiness(daemon);
  assert.ok(ready);
  assert.match(clickhouse.last_error ?? '', /(AUTHENTICATION_FAILED|WRONG_PASSWORD|Authentication failed)/i);
});

/** How much a key may send, and what those are told who send more. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const EVENT = { event_type: 'rollback', release_id: 'r', distinct_id: 'd' };

function report(events: number): string {
  return JSON.stringify({ events: Array.from({ length: events }, () => EVENT) });
}

function post(daemon: RunningDaemon, key: string, events: number): Promise<Response> {
  return daemon.post('/api/deploy/report', report(events), { 'x-api-key': key });
}

test('a key beyond its rate gets 429, and what it is told to wait is enough', async (context) => {
  const home = await DaemonHome.create(context);
  const slow = await home.createKey('deploy', '--events-per-second', '100', '--burst-seconds', '1');
  const free = await home.createKey('deploy');
  const daemon = await home.start();
  assert.equal((await post(daemon, slow, 150)).status, 202);
  const refused = await post(daemon, slow, 1);
  assert.equal(refused.status, 429);
  const refusal: { ok: boolean; error: string; message: string } = JSON.parse(await refused.text());
  assert.deepEqual([refusal.ok, refusal.error], [false, 'rate_limited']);
  assert.match(refusal.message, /100 events per second/);
  const header = (name: string): number => Number(refused.headers.get(name));
  assert.deepEqual([header('x-ratelimit-limit'), header('x-ratelimit-remaining'), header('x-ratelimit-reset')], [100, 0, 1]);
  assert.equal((await post(daemon, free, 1)).status, 202);
  await new Promise((resolve) => setTimeout(resolve, header('retry-after') * 1000));
  assert.equal((await post(daemon, slow, 1)).status, 202);
});

test('a quota survives a restart, and is lifted by a reload', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  const file = join(dirname(home.data_dir), 'penstock.yaml');
  await writeFile(file, 'limits:\n  events_per_day: 100\n');
  const first = await home.start({ PENSTOCK_CONFIG: file });
  assert.equal((await post(first, key, 60)).status, 202);
  assert.equal(await first.stop(), 0);
  const daemon = await home.start({ PENSTOCK_CONFIG: file });
  assert.equal((await post(daemon, key, 60)).status, 202);
  const refused = await post(daemon, key, 1);
  assert.equal(refused.status, 429);
  assert.equal((JSON.parse(await refused.text()) satisfies { error: string }).error, 'quota_exceeded');
  await writeFile(file, 'limits:\n  events_per_day: 0\n');
  daemon.child.kill('SIGHUP');
  await until('the reload is reported', 5_000, () => daemon.stderr.includes('limits.events_per_day changed'));
  assert.equal((await post(daemon, key, 1)).status, 202);
});

test('a key made with limits while the daemon runs has them within two seconds, and the list shows them', async (context) => {
  const home = await DaemonHome.create(context);
  const daemon = await home.start();
  const key = await home.createKey('deploy', '--bytes-per-second', '1000', '--burst-seconds', '1');
  await until('the key counts', 2_000, async () => (await post(daemon, key, 100)).status === 202);
  assert.equal((await post(daemon, key, 1)).status, 429);
  assert.match((await home.command(['keys', 'list'])).stdout, /bytes_per_second=1000,burst_seconds=1/);
  const refused = await home.command(['keys', 'create', '--use', 'webhook', '--organization', 'o', '--events-per-day', '1']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /keys for webhook have no limits/);
});

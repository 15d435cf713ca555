/** How much a key may send, and what those are told who send more. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
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
  const slow = await home.createKey('deploy', { limits: { events_per_second: 100, burst_seconds: 1 } });
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
  const key = await home.createKey('deploy', { limits: { bytes_per_second: 1000, burst_seconds: 1 } });
  await until('the key counts', 2_000, async () => (await post(daemon, key, 100)).status === 202);
  assert.equal((await post(daemon, key, 1)).status, 429);
  assert.match((await home.command(['keys', 'list'])).stdout, /bytes_per_second=1000,burst_seconds=1/);
  const refused = await home.command(['keys', 'create', '--use', 'webhook', '--organization', 'o', '--events-per-day', '1']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /keys for webhook have no limits/);
});

test('an address has so many requests in hand, each client behind a trusted proxy its own, webhooks as many as they like', async (context) => {
  const home = await DaemonHome.create(context, {
    PENSTOCK_HTTP__CONNECTIONS_PER_ADDRESS_MAX: '2',
    PENSTOCK_HTTP__TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8',
  });
  const key = await home.createKey('deploy');
  const webhook_key = await home.createKey('webhook');
  const daemon = await home.start();
  const body = report(1);
  /** A request that has begun and is not finished. */
  const begin = async (client: string): Promise<Socket> => {
    const socket = connect(home.http_port, '127.0.0.1');
    context.after(async () => void socket.destroy());
    await once(socket, 'connect');
    const head = `POST /api/deploy/report HTTP/1.1\r\nHost: h\r\nx-api-key: ${key}\r\nx-forwarded-for: ${client}\r\n`;
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`);
    return socket;
  };
  const in_hand = async (count: number): Promise<void> =>
    await until(`${count} requests are in hand`, 5_000, async () =>
      (await (await fetch(daemon.adminUrl('/metrics'))).text()).includes(`\npenstock_http_requests_in_flight ${count}\n`),
    );
  const status = async (client: string): Promise<number> =>
    (await daemon.post('/api/deploy/report', body, { 'x-api-key': key, 'x-forwarded-for': client })).status;

  const first = await begin('198.51.100.1');
  await begin('198.51.100.1');
  await in_hand(2);
  const refused = await daemon.post('/api/deploy/report', body, { 'x-api-key': key, 'x-forwarded-for': '5.5.5.5, 198.51.100.1' });
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /"too_many_connections"/);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal(await status('198.51.100.2'), 202);
  const webhook = { 'x-api-key': webhook_key, 'x-forwarded-for': '198.51.100.1' };
  assert.equal((await daemon.post('/webhooks/bugsee', '{"id":"1","type":"app.created"}', webhook)).status, 200);
  first.destroy();
  await in_hand(1);
  assert.equal(await status('198.51.100.1'), 202);
});

test('with little room left crashes and rollbacks are taken, and webhooks and pipelines; progress is told to come back', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_SPOOL__PRIORITY_WATERMARK: '0' });
  const key = await home.createKey('deploy');
  const webhook_key = await home.createKey('webhook');
  const events_key = await home.createKey('events');
  const daemon = await home.start();
  const progress = (events: number): string =>
    JSON.stringify({ events: Array.from({ length: events }, () => ({ ...EVENT, event_type: 'download_complete' })) });
  const asked_ms = performance.now();
  const refused = await daemon.post('/api/deploy/report', progress(3), { 'x-api-key': key });
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /"shedding"/);
  // Who does not obey is not back at once.
  assert.ok(performance.now() - asked_ms > 900);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal((await post(daemon, key, 3)).status, 202);
  const upload = await daemon.post('/api/deploy/report', progress(100_000), { 'x-api-key': key });
  assert.equal(upload.status, 503);
  const webhook = { 'x-api-key': webhook_key };
  assert.equal((await daemon.post('/webhooks/bugsee', '{"id":"1","type":"app.created"}', webhook)).status, 200);
  const build = JSON.stringify({ product_name: 'p', version: '1', status: 'completed' });
  assert.equal((await daemon.post('/build-events', build, { authorization: `Bearer ${events_key}` })).status, 200);
  await until('only what was taken is there', 10_000, async () => (await daemon.count('deploy_events')) === 3);
  const ledger: { received: number; accepted: number } = JSON.parse(await (await fetch(daemon.adminUrl('/ledger'))).text());
  assert.deepEqual([ledger.received, ledger.accepted], [5, 5]);
});

/** The embedded store keeps within its limits: old months go, and it stops before its disk is full. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const NO_DISK_HAS = '1024 TiB';

async function send(daemon: RunningDaemon, key: string, distinct_id: string): Promise<void> {
  const events = [{ event_type: 'rollback', release_id: 'r', distinct_id }];
  const answer = await daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': key });
  assert.equal(answer.status, 202);
}

test('below its floor of free disk the store takes nothing, the spool does, and both go on by themselves', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '100' });
  const key = await home.createKey('deploy');
  await (await home.start()).stop();
  const short = await home.start({ PENSTOCK_CLICKHOUSE__EMBEDDED_FREE_BYTES_MIN: NO_DISK_HAS });
  await send(short, key, 'kept');
  await until('delivery is paused', 15_000, async () => {
    const body = await (await fetch(short.url('/readyz'))).text();
    const told: { ready: boolean; clickhouse: { problem: string | null }; delivery: { problem: string | null } } = JSON.parse(body);
    assert.equal(told.ready, true);
    assert.match(told.clickhouse.problem ?? '', /embedded_free_bytes_min/);
    return told.delivery.problem?.includes('paused') === true && told.delivery.problem.includes('min_free_disk_bytes');
  });
  assert.match(await (await fetch(short.adminUrl('/metrics'))).text(), /^penstock_clickhouse_disk_free_limit_bytes 1125899906842624$/m);
  assert.equal(await short.count('deploy_events'), 0);
  await short.stop();
  const roomy = await home.start();
  await until('the event is stored', 15_000, async () => (await roomy.count('deploy_events')) === 1);
});

test('months that are over are dropped whole, and the others stay', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '100' });
  const key = await home.createKey('deploy');
  const first = await home.start({ PENSTOCK_CLICKHOUSE__RETENTION_MONTHS: '0' });
  await send(first, key, 'new');
  await until('the event is stored', 15_000, async () => (await first.count('deploy_events')) === 1);
  await first.query("INSERT INTO deploy_events (timestamp, distinct_id) SELECT now64(3) - INTERVAL 15 MONTH, 'old' FROM numbers(3)");
  await first.query("INSERT INTO deploy_events (timestamp, distinct_id) SELECT now64(3) - INTERVAL 12 MONTH, 'a year' FROM numbers(2)");
  await first.stop();
  const second = await home.start();
  assert.match(second.stdout, /retention_changed/);
  await until('what is too old is gone', 30_000, async () => (await second.count('deploy_events')) === 3);
  await second.stop();
  const third = await home.start();
  assert.doesNotMatch(third.stdout, /retention_/);
  await third.stop();
  const fourth = await home.start({ PENSTOCK_CLICKHOUSE__RETENTION_MONTHS: '0' });
  const [table] = await fourth.query<{ engine_full: string }>("SELECT engine_full FROM system.tables WHERE name = 'deploy_events'");
  assert.doesNotMatch(table?.engine_full ?? 'TTL', /TTL/);
});

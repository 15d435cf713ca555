/** The books against what ClickHouse holds: of one daemon, and of two that deliver to the same one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SOON, send, untilDelivered, verify } from '../support/books.ts';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';

test('verify names the segments that somebody changed, and segments that no book knows', async (context) => {
  const home = await DaemonHome.create(context, SOON);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  await send(daemon, key, ['a', 'b', 'c']);
  await untilDelivered(daemon, 3);
  assert.equal((await verify(home)).code, 0);
  const [{ segment }] = await daemon.query<{ segment: string }>('SELECT DISTINCT ingest_segment AS segment FROM deploy_events');
  const stranger = '11111111-2222-4333-8444-555555555555';
  await daemon.query(`INSERT INTO deploy_events (distinct_id, timestamp, ingest_segment) VALUES ('x', now64(3), '${stranger}')`);
  await daemon.query("ALTER TABLE deploy_events DELETE WHERE distinct_id = 'b' SETTINGS mutations_sync = 2");
  const { code, verdict } = await verify(home);
  assert.equal(code, 1);
  const found = verdict.discrepancies.map(({ kind, segment, rows_found }) => `${kind} ${segment} ${rows_found}`);
  assert.deepEqual(found.sort(), [`missing_rows ${segment} 2`, `unknown_segment ${stranger} 1`]);
  const { stdout } = await home.command(['verify']);
  assert.match(stdout, new RegExp(`^Segment ${segment} of deploy_events has too few rows: 2 found, 3 in the books.$`, 'm'));
});

test('the same batch at once again, after a restart, and to another daemon, changes no count of events', async (context) => {
  const home = await DaemonHome.create(context, SOON);
  const key = await home.createKey('deploy');
  const first = await home.start();
  const devices = ['a', 'b', 'c', 'a'];
  const ids = async (daemon: RunningDaemon): Promise<number> => {
    const [row] = await daemon.query<{ ids: string }>('SELECT uniqExact(event_id) AS ids FROM deploy_events');
    return Number(row?.ids);
  };
  await send(first, key, devices);
  await send(first, key, devices);
  await untilDelivered(first, 8);
  assert.equal(await ids(first), 4);
  assert.equal(await first.stop(), 0);
  const second = await home.start();
  await send(second, key, devices);
  await untilDelivered(second, 12);
  assert.equal(await ids(second), 4);

  const other_home = await DaemonHome.create(context, {
    ...SOON,
    PENSTOCK_CLICKHOUSE__URL: `http://default:@127.0.0.1:${home.engine_port}`,
  });
  const other_key = await other_home.createKey('deploy');
  const other = await other_home.start();
  await send(other, other_key, devices);
  await untilDelivered(other, 4);
  assert.equal(await second.count('deploy_events'), 16);
  assert.equal(await ids(second), 4);
  assert.equal((await verify(home)).code, 1, 'segments of the other daemon are in no book here');
  const { code, verdict } = await verify(home, '--fleet');
  assert.equal(code, 0);
  assert.ok(verdict.foreign_segments > 0);
  await other.stop();
});

/** The books of a real daemon: true in every answer, across stops and kills, from the daemon and from its files, and against what ClickHouse holds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { subjectDigest } from '../../src/cli/erase/eraser.ts';
import { isBalanced, type LedgerAnswer } from '../../src/contract/ledger.ts';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const DELIVERY_MS_MAX = 30_000;
const LOAD_MS_MAX = 60_000;
const SETTINGS = { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '100' };

interface Verdict {
  readonly balanced: boolean;
  readonly discrepancies: readonly { kind: string; segment: string; rows_expected: number; rows_found: number }[];
  readonly foreign_segments: number;
  readonly unfinished_erasures: readonly string[];
}

async function ledgerOf(daemon: RunningDaemon): Promise<LedgerAnswer> {
  const answer = await fetch(daemon.adminUrl('/ledger'));
  assert.equal(answer.status, 200);
  const ledger: LedgerAnswer = JSON.parse(await answer.text());
  assert.ok(isBalanced(ledger), JSON.stringify(ledger));
  return ledger;
}

async function send(daemon: RunningDaemon, key: string, devices: readonly string[], bad = 0): Promise<void> {
  const events = [
    ...devices.map((distinct_id) => ({ event_type: 'rollback', release_id: 'r', distinct_id })),
    ...Array.from({ length: bad }, () => ({ event_type: 'nonsense' })),
  ];
  const answer = await daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': key });
  assert.equal(answer.status, 202);
}

async function untilDelivered(daemon: RunningDaemon, events: number): Promise<void> {
  await until(`${events} events are delivered`, DELIVERY_MS_MAX, async () => (await ledgerOf(daemon)).delivered === events);
}

async function verify(home: DaemonHome, ...options: readonly string[]): Promise<{ code: number; verdict: Verdict }> {
  const { code, stdout, stderr } = await home.command(['verify', '--json', ...options]);
  assert.ok(stdout !== '', stderr);
  return { code, verdict: JSON.parse(stdout) };
}

test('every event ends in one counted outcome, across a stop and a kill, and the command says the same with and without a daemon', async (context) => {
  const home = await DaemonHome.create(context, SETTINGS);
  const key = await home.createKey('deploy');
  const first = await home.start();
  await send(first, key, ['a', 'b'], 1);
  await send(first, key, [], 2);
  await untilDelivered(first, 2);
  const books = await ledgerOf(first);
  assert.deepEqual(books.by_source['deploy_report'], {
    received: 5,
    accepted: 2,
    rejected: { missing_field: 3 },
    delivered: 2,
    spooled: 0,
    dead_lettered: 0,
  });
  assert.equal(await first.stop(), 0);
  const offline = await home.command(['ledger', '--json']);
  assert.deepEqual([offline.code, JSON.parse(offline.stdout)], [0, books], offline.stderr);

  const second = await home.start({ PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '60000' });
  assert.deepEqual(await ledgerOf(second), books);
  await send(second, key, ['c'], 1);
  await second.stop('SIGKILL');
  const between: LedgerAnswer = JSON.parse((await home.command(['ledger', '--json'])).stdout);
  assert.deepEqual([between.received, between.accepted, between.spooled], [7, 3, 1]);
  const third = await home.start();
  await untilDelivered(third, 3);
  const { code, stdout } = await home.command(['ledger']);
  assert.equal(code, 0);
  assert.match(stdout, /^SOURCE +RECEIVED +REJECTED +ACCEPTED +DELIVERED +SPOOLED +DEAD-LETTERED$/m);
  assert.match(stdout, /^deploy_report +7 +4 +3 +3 +0 +0$/m);
  const metrics = await (await fetch(third.adminUrl('/metrics'))).text();
  assert.match(metrics, /^penstock_ledger_unbalanced 0$/m);
  assert.match(metrics, /^penstock_ledger_delivered_events\{source="deploy_report"\} 3$/m);
});

test('under load every answer balances, and verify accuses nobody while events stream in', async (context) => {
  const home = await DaemonHome.create(context, SETTINGS);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  const events = 60_000;
  let is_over = false;
  const load = home
    .command(['load', '--url', daemon.url(''), '--key', key, '--events', String(events), '--rate', '10000', '--seed', '7', '--json'])
    .finally(() => {
      is_over = true;
    });
  await until('events arrive', DELIVERY_MS_MAX, async () => (await ledgerOf(daemon)).delivered > 0);
  const { code, verdict } = await verify(home);
  assert.deepEqual([code, verdict.discrepancies], [0, []]);
  let answers = 0;
  await until('the load has ended', LOAD_MS_MAX, async () => {
    await ledgerOf(daemon);
    answers++;
    return is_over;
  });
  assert.ok(answers > 10, `${answers} answers`);
  const report = await load;
  assert.equal(report.code, 0, report.stderr);
  await until('nothing is spooled', DELIVERY_MS_MAX, async () => (await ledgerOf(daemon)).spooled === 0);
  const { received, delivered } = await ledgerOf(daemon);
  // A busy machine may make the load send a batch again: what counts is that the books say what ClickHouse holds.
  assert.deepEqual([received, await daemon.count('deploy_events')], [delivered, delivered], report.stdout);
  assert.ok(delivered >= events, report.stdout);
});

test('verify names the segments that somebody changed, and segments that no book knows', async (context) => {
  const home = await DaemonHome.create(context, SETTINGS);
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
  const home = await DaemonHome.create(context, SETTINGS);
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
    ...SETTINGS,
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

test("erase deletes one device's rows alone, also those still in the spool, and the books stay true", async (context) => {
  const home = await DaemonHome.create(context, SETTINGS);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  await send(daemon, key, ['kept', 'gone', 'gone']);
  await untilDelivered(daemon, 3);
  await send(daemon, key, ['gone', "o'brien"]);
  const erase = (...more: readonly string[]): ReturnType<DaemonHome['command']> =>
    home.command(['erase', '--organization', 'org_test', '--project', 'proj_test', '--json', ...more]);
  const elsewhere = await home.command([
    'erase',
    '--organization',
    'org_other',
    '--project',
    'proj_test',
    '--distinct-id',
    'gone',
    '--json',
  ]);
  assert.deepEqual(JSON.parse(elsewhere.stdout).tables, [{ table: 'deploy_events', segments: 0, rows: 0 }], elsewhere.stderr);
  const dry = await erase('--distinct-id', 'gone', '--dry-run');
  assert.deepEqual(JSON.parse(dry.stdout), { dry_run: true, tables: [{ table: 'deploy_events', segments: 2, rows: 3 }] });
  const done = await erase('--distinct-id', 'gone');
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(JSON.parse(done.stdout), { dry_run: false, tables: [{ table: 'deploy_events', segments: 2, rows: 3 }] });
  const left = await daemon.query<{ distinct_id: string }>('SELECT distinct_id FROM deploy_events ORDER BY distinct_id');
  assert.deepEqual(
    left.map(({ distinct_id }) => distinct_id),
    ['kept', "o'brien"],
  );
  assert.deepEqual(JSON.parse((await erase('--distinct-id', "o'brien", '--environment', 'test')).stdout).tables[0].rows, 0);
  const { code, verdict } = await verify(home);
  assert.deepEqual([code, verdict.discrepancies, verdict.unfinished_erasures], [0, [], []]);
  const text = await daemon.query<{ command: string }>('SELECT command FROM system.mutations');
  assert.ok(
    text.every(({ command }) => !command.includes('gone')),
    'the device is not named in what ClickHouse keeps',
  );
});

test('an erasure that was broken off before its rows went is told by verify, and finished by running it again', async (context) => {
  const home = await DaemonHome.create(context, SETTINGS);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  await send(daemon, key, ['kept', 'gone']);
  await untilDelivered(daemon, 2);
  const line = (device: string): string[] => [
    'erase',
    '--organization',
    'org_test',
    '--project',
    'proj_test',
    '--json',
    '--distinct-id',
    device,
  ];
  assert.equal((await home.command(line('nobody'))).code, 0);
  // What it has written when it dies before it deletes.
  const subject = subjectDigest({ organization: 'org_test', project: 'proj_test', environment: '', distinct_id: 'gone' });
  const [{ segment }] = await daemon.query<{ segment: string }>('SELECT any(ingest_segment) AS segment FROM deploy_events');
  const erasure = '99999999-2222-4333-8444-555555555555';
  await daemon.query(`INSERT INTO erasures VALUES ('${erasure}', '${subject}', 'begun', '', '${erasure}', 0, now64(3)),
    ('${erasure}', '${subject}', 'planned', 'deploy_events', '${segment}', 1, now64(3))`);
  const broken_off = await verify(home);
  assert.deepEqual([broken_off.code, broken_off.verdict.unfinished_erasures], [1, [erasure]]);
  assert.match((await home.command(['verify'])).stdout, /^An erasure is unfinished: 99999999-.* Run the same erase command again.$/m);
  const again = await home.command(line('gone'));
  assert.deepEqual(JSON.parse(again.stdout).tables, [{ table: 'deploy_events', segments: 1, rows: 1 }], again.stderr);
  assert.deepEqual((await verify(home)).verdict.unfinished_erasures, []);
  assert.equal((await verify(home)).code, 0);
  assert.equal(await daemon.count('deploy_events'), 1);
});

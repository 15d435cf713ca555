/** One device's data goes, and the books stay true. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { subjectDigest } from '../../src/cli/erase/eraser.ts';
import { SOON, send, untilDelivered, verify } from '../support/books.ts';
import { DaemonHome } from '../support/daemon.ts';

/** What the command says of the tables: only the one of reports has something of the device. */
function tablesOf(segments: number, rows: number): object[] {
  return [
    { table: 'deploy_events', segments, rows },
    { table: 'webhook_events', segments: 0, rows: 0 },
  ];
}

test("erase deletes one device's rows alone, also those still in the spool, and the books stay true", async (context) => {
  const home = await DaemonHome.create(context, SOON);
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
  assert.deepEqual(JSON.parse(elsewhere.stdout).tables, tablesOf(0, 0), elsewhere.stderr);
  const dry = await erase('--distinct-id', 'gone', '--dry-run');
  assert.deepEqual(JSON.parse(dry.stdout), { dry_run: true, tables: tablesOf(2, 3) });
  const done = await erase('--distinct-id', 'gone');
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(JSON.parse(done.stdout), { dry_run: false, tables: tablesOf(2, 3) });
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
  const home = await DaemonHome.create(context, SOON);
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
  const another = await home.command(line('kept'));
  assert.deepEqual([another.code, /^Another erasure, 99999999-/.test(another.stderr)], [1, true], another.stderr);
  const again = await home.command(line('gone'));
  assert.deepEqual(JSON.parse(again.stdout).tables, tablesOf(1, 1), again.stderr);
  assert.deepEqual((await verify(home)).verdict.unfinished_erasures, []);
  assert.equal((await verify(home)).code, 0);
  assert.equal(await daemon.count('deploy_events'), 1);
});

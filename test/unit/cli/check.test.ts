import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHECK_COMMAND } from '../../../src/cli/check.ts';
import { runOnce } from './terminal.ts';

test('check says where the configuration comes from and what it costs at the worst', async () => {
  const { code, stdout, stderr } = await runOnce(['check'], [CHECK_COMMAND], { PENSTOCK_SPOOL__BYTES_MAX: '20 GiB', PENSTOCK_NOISE: '1' });
  assert.equal(code, 0);
  assert.equal(stderr, 'The environment variable PENSTOCK_NOISE matches no setting and is ignored.\n');
  assert.match(stdout, /^The configuration is valid\. It comes from\n {2}\/.*default\.yaml\n {2}PENSTOCK_SPOOL__BYTES_MAX\n/);
  assert.match(stdout, /^ {2}Requests not yet answered +256 {2}http\.bytes_in_flight_max$/m);
  assert.match(stdout, /^ {2}Events not yet in ClickHouse +20480 {2}spool\.bytes_max$/m);
});

test('check warns of acknowledgements from memory', async () => {
  const { stdout } = await runOnce(['check'], [CHECK_COMMAND], { PENSTOCK_SPOOL__ACK: 'memory' });
  assert.match(stdout, /in memory: a crash can lose/);
});

test('check says where versions are registered, without the password', async () => {
  const { stdout } = await runOnce(['check'], [CHECK_COMMAND], { PENSTOCK_REGISTRY__URL: 'postgres://u:hunter2@h:1/d' });
  assert.match(stdout, /registered in a PostgreSQL server/);
  assert.ok(!stdout.includes('hunter2'));
  assert.match((await runOnce(['check'], [CHECK_COMMAND], {})).stdout, /registered in the embedded registry/);
});

test('check --json prints one line without secrets', async () => {
  const environment = {
    PENSTOCK_ADMIN__TOKEN: 'hunter2',
    PENSTOCK_CLICKHOUSE__URL: 'http://u:hunter2@h:1',
    PENSTOCK_REGISTRY__URL: 'postgres://u:hunter2@h:1/d',
    PENSTOCK_NOISE: '1',
  };
  const { code, stdout, stderr } = await runOnce(['check', '--json'], [CHECK_COMMAND], environment);
  assert.deepEqual([code, stderr], [0, '']);
  assert.ok(!stdout.includes('hunter2'));
  assert.equal(stdout.indexOf('\n'), stdout.length - 1);
  const answer: unknown = JSON.parse(stdout);
  assert.ok(typeof answer === 'object' && answer !== null && 'valid' in answer && 'memory_bytes' in answer && 'disk_bytes' in answer);
  assert.deepEqual([answer.valid, answer.disk_bytes], [true, 10 * 1024 ** 3]);
});

test('check --rate says how long the disk lasts and an outage may, and on what assumption', async () => {
  const { stdout } = await runOnce(['check', '--rate', '1000'], [CHECK_COMMAND], {});
  assert.match(
    stdout,
    /^At 1,000 events\/s of the usual kind \(assumed: 31 bytes each when stored, 127 while they wait\), on a disk with 100 GB free:$/m,
  );
  assert.match(stdout, /^ {2}ClickHouse grows by 2\.68 GB a day\.$/m);
  assert.match(stdout, /^ {2}The disk lasts 24\.4 days until the store stops/m);
  assert.match(stdout, /^ {2}ClickHouse may be away for 22\.9 hours until the spool is full\.$/m);
});

test('check --rate says when retention keeps the store within its disk', async () => {
  const { stdout } = await runOnce(['check', '--rate', '20'], [CHECK_COMMAND], {});
  assert.match(stdout, /^ {2}Kept for 13 months, that is at most 34 GB, room for merges included\.\n {2}That fits: the disk lasts\.$/m);
});

test('check --rate says nothing of the store of a server elsewhere but how fast it grows', async () => {
  const environment = { PENSTOCK_CLICKHOUSE__URL: 'http://h:1', PENSTOCK_CLICKHOUSE__RETENTION_MONTHS: '0' };
  const { stdout } = await runOnce(['check', '--rate', '1000', '--json'], [CHECK_COMMAND], environment);
  const { outlook }: { outlook: Record<string, number> } = JSON.parse(stdout);
  assert.equal(outlook['stored_bytes_per_day'], 2_678_400_000);
  assert.ok(!('store_lasts_s' in outlook) && !('settled_bytes' in outlook));
});

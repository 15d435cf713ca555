import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { until } from '../../../support/until.ts';
import { blockOf, DATA_DIR, Held, MONTH, rowOf, TABLE } from './fixtures.ts';

const WAIT_MS = 2000;
const DIRECTORY = `${DATA_DIR}/spool`;

function startBusy(fs: MemoryFs): Promise<Held> {
  return new Held(fs, { spare_records_min: 2, seal_rows_max: 3 }).start();
}

async function append(held: Held, ...labels: readonly string[]): Promise<void> {
  for (const label of labels) await held.spool.append(blockOf([rowOf(label)]));
}

async function filesOf(fs: MemoryFs): Promise<number> {
  return (await fs.list(DIRECTORY)).length;
}

/** What the file system is asked for from now on. */
function watch(fs: MemoryFs): string[] {
  const operations: string[] = [];
  fs.fault = (operation) => {
    operations.push(operation);
    return undefined;
  };
  return operations;
}

test('a segment begins in the file that was made ready while the one before it filled', async () => {
  const fs = new MemoryFs();
  const held = await startBusy(fs);
  await append(held, 'one');
  assert.equal(await filesOf(fs), 1);
  const preparing = watch(fs);
  await append(held, 'two');
  await until('the next one is ready', WAIT_MS, () => preparing.includes('syncDirectory'));
  assert.equal(await filesOf(fs), 2);
  await append(held, 'three');
  await until('the first one is sealed', WAIT_MS, () => held.announced.length === 1);
  const beginning = watch(fs);
  await append(held, 'four');
  assert.deepEqual(beginning, ['write', 'datasync']);
  fs.fault = () => undefined;
  assert.deepEqual(await held.sealedNames(), ['one', 'two', 'three', 'four']);
  assert.equal(
    held.spool.stats().spool_bytes,
    held.announced.reduce((sum, { file_bytes }) => sum + file_bytes, 0),
  );
  await held.spool.close();
});

test('a table that is not busy has no second file', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs, { spare_records_min: 4 }).start();
  await append(held, 'one', 'two', 'three');
  assert.equal(await filesOf(fs), 1);
  await held.spool.close();
});

/** A spool whose only segment has two records, and the file of the next one beside it. */
async function startWithSpare(fs: MemoryFs): Promise<Held> {
  const held = await startBusy(fs);
  await append(held, 'one', 'two');
  await until('the next one is made', WAIT_MS, async () => (await filesOf(fs)) === 2);
  return held;
}

test('a file that was made ready and is not needed goes when the spool closes', async () => {
  const fs = new MemoryFs();
  const held = await startWithSpare(fs);
  await held.spool.close();
  assert.equal(await filesOf(fs), 1);
});

test('a file that was made ready goes at the start after a death, and is not worth a word', async () => {
  const fs = new MemoryFs();
  const held = await startWithSpare(fs);
  const rest = fs.kill();
  await held.spool.close();
  const next = await held.reopen(rest);
  assert.deepEqual(await next.sealedNames(), ['one', 'two']);
  assert.equal(await filesOf(rest), 1);
  assert.deepEqual(next.incidents.names, []);
  await next.spool.close();
});

test('a month that begins takes nothing that was made ready for the one before', async () => {
  const fs = new MemoryFs();
  const held = await startWithSpare(fs);
  for (const label of ['three', 'four']) await held.spool.append({ ...blockOf([rowOf(label)], TABLE), month: MONTH + 1 });
  // The two that are open, and one that is ready for the month that began.
  await until('the new month has two', WAIT_MS, async () => {
    const names = await fs.list(DIRECTORY);
    return names.filter((name) => name.includes(`-${MONTH + 1}-`)).length === 2;
  });
  await until('the one for the month before is gone', WAIT_MS, async () => (await filesOf(fs)) === 3);
  assert.deepEqual((await held.sealedNames()).sort(), ['four', 'one', 'three', 'two']);
  await held.spool.close();
});

test('where none can be made ready the next segment makes its own', async () => {
  const fs = new MemoryFs();
  const held = await startBusy(fs);
  await append(held, 'one');
  let failures = 0;
  fs.fault = (operation) => (operation === 'syncDirectory' && failures++ === 0 ? 'EIO' : undefined);
  await append(held, 'two');
  await until('what was begun is gone', WAIT_MS, async () => failures > 0 && (await filesOf(fs)) === 1);
  await append(held, 'three', 'four');
  assert.deepEqual(await held.sealedNames(), ['one', 'two', 'three', 'four']);
  assert.deepEqual(held.incidents.names, []);
  await held.spool.close();
});

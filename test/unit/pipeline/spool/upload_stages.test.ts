import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UploadStage } from '../../../../src/contract/upload.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { seededRandom } from '../../../support/seeded_random.ts';
import { blockOf, Held, MONTH, OTHER_TABLE, rowOf, TABLE } from './fixtures.ts';

const LABELS = ['a', 'b', 'c', 'd', 'e'];

/** Small segments, so that an upload has several. */
const OPTIONS = { seal_rows_max: 2 };

async function fill(stage: UploadStage): Promise<void> {
  await Promise.all(LABELS.map((label) => stage.append(blockOf([rowOf(label)]))));
}

test('what is staged is nobody’s until the commit, and then all of it is the spool’s', async () => {
  const held = await new Held(new MemoryFs(), OPTIONS).start();
  const stage = held.spool.stage();
  await fill(stage);
  assert.deepEqual(await held.sealedNames(), []);
  await stage.commit();
  assert.deepEqual((await held.sealedNames()).toSorted(), LABELS);
  assert.equal(held.announced.length, 3);
});

test('an upload that is discarded leaves nothing, on the disk or in the spool’s size', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs, OPTIONS).start();
  const stage = held.spool.stage();
  await fill(stage);
  assert.ok(held.spool.stats().spool_bytes > 0);
  await stage.discard();
  assert.equal(held.spool.stats().spool_bytes, 0);
  assert.deepEqual(await fs.list('/data/uploads'), []);
  const again = await held.reopen(fs);
  assert.deepEqual(await again.sealedNames(), []);
});

test('tables and months have segments of their own, also in an upload', async () => {
  const held = await new Held().start();
  const stage = held.spool.stage();
  await stage.append(blockOf([rowOf('a')]));
  await stage.append(blockOf([rowOf('b')], TABLE, MONTH + 1));
  await stage.append(blockOf([rowOf('c')], OTHER_TABLE));
  await stage.commit();
  await held.spool.sealAll();
  assert.deepEqual(held.announced.map(({ table, month }) => [table, month]).toSorted(), [
    ['events', MONTH],
    ['events', MONTH + 1],
    ['others', MONTH],
  ]);
});

test('an upload counts in the spool’s size, and is refused when the spool is full', async () => {
  const held = await new Held(new MemoryFs(), { bytes_max: 100_000 }).start();
  const stage = held.spool.stage();
  await stage.append(blockOf([rowOf('a')]));
  const large = blockOf(Array.from({ length: 3000 }, (_, index) => rowOf(`row ${index}`)));
  await assert.rejects(stage.append(large), { code: 'spool_full' });
  await stage.discard();
  assert.equal(held.spool.stats().spool_bytes, 0);
});

test('when the disk fails, the upload fails, nothing of it is stored, and the spool goes on', async () => {
  for (const operation of ['write', 'datasync', 'open', 'rename'] as const) {
    const fs = new MemoryFs();
    const held = await new Held(fs, OPTIONS).start();
    const stage = held.spool.stage();
    fs.fault = (each, path) => (each === operation && path.startsWith('/data/uploads') ? 'EIO' : undefined);
    const attempt = async (): Promise<void> => {
      await fill(stage);
      await stage.commit();
    };
    await assert.rejects(attempt(), { code: 'spool_unwritable' }, operation);
    fs.fault = () => undefined;
    await stage.discard();
    assert.deepEqual(await (await held.reopen(fs)).sealedNames(), [], operation);
  }
});

test('after a power failure at any step, an upload is there as a whole or not at all, and whole once it was acknowledged', async () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  let steps = 1;
  for (let step = 0; step < steps; step++) {
    for (let round = 0; round < 4; round++) {
      const fs = new MemoryFs();
      const held = await new Held(fs, OPTIONS).start();
      let calls = 0;
      fs.fault = () => (calls++ >= step ? 'EIO' : undefined);
      const stage = held.spool.stage();
      const is_acknowledged = await fill(stage)
        .then(() => stage.commit())
        .then(
          () => true,
          () => false,
        );
      if (calls <= step) steps = step + 1;
      else steps = Math.max(steps, step + 2);
      const again = await held.reopen(fs.crash(random));
      const names = (await again.sealedNames()).toSorted();
      const message = `seed=${seed} step=${step} round=${round}`;
      if (is_acknowledged) assert.deepEqual(names, LABELS, message);
      else assert.ok(names.length === 0 || names.length === LABELS.length, `${message}: ${names.join()}`);
      assert.deepEqual(
        again.incidents.names.filter((name) => name !== 'upload_waits_for_start'),
        [],
        message,
      );
    }
  }
  assert.ok(steps > 20, `only ${steps} steps`);
});

test('a commit record that is damaged in one place is read from its other copy; one damaged twice loses nothing', async () => {
  for (const damages of [1, 2]) {
    const fs = new MemoryFs();
    const held = await new Held(fs, OPTIONS).start();
    const stage = held.spool.stage();
    await fill(stage);
    fs.fault = (operation, path) => (operation === 'rename' && path.endsWith('.open') ? 'EIO' : undefined);
    await stage.commit();
    fs.fault = () => undefined;
    const record = (await fs.list('/data/uploads')).find((name) => name.endsWith('.commit')) ?? assert.fail('no record');
    const file = await fs.open(`/data/uploads/${record}`, 'write');
    for (let copy = 0; copy < damages; copy++) await file.write([Buffer.from('x')], copy === 0 ? 20 : (await file.size()) - 20);
    const files = (await fs.list('/data/uploads')).length;
    const again = await held.reopen(fs);
    if (damages === 1) assert.deepEqual((await again.sealedNames()).toSorted(), LABELS);
    else assert.deepEqual([again.incidents.names, (await fs.list('/data/uploads')).length], [['upload_record_damaged'], files]);
  }
});

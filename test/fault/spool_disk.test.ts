/** The spool on a disk that fails: nothing is acknowledged that is not kept, nothing is lost that was acknowledged, and it comes back by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryFs } from '../support/memory_fs.ts';
import { until } from '../support/until.ts';
import { blockOf, Held, OTHER_TABLE, rowOf } from '../unit/pipeline/spool/fixtures.ts';

const append = (held: Held, label: string): Promise<void> => held.spool.append(blockOf([rowOf(label)]));

/** Turns the clock until the disk is found well again. */
async function untilTaken(held: Held): Promise<void> {
  await until('the spool takes appends again', 2000, () => {
    held.clock.advance(250);
    return held.spool.stats().problem === undefined;
  });
}

test('a failed fsync: those who wait are refused, the file is never synced or written again, and a new one takes over', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await append(held, 'kept');
  const after_failure: string[] = [];
  let failed_path = '';
  fs.fault = (operation, path) => {
    if (path === failed_path && (operation === 'datasync' || operation === 'write')) after_failure.push(operation);
    if (operation !== 'datasync' || failed_path !== '') return undefined;
    failed_path = path;
    return 'EIO';
  };
  await assert.rejects(append(held, 'refused'), { code: 'spool_unwritable' });
  await assert.rejects(append(held, 'refused too'), { code: 'spool_unwritable' });
  await untilTaken(held);
  await append(held, 'later');
  assert.deepEqual(await held.sealedNames(), ['kept', 'later']);
  assert.deepEqual(after_failure, []);
  assert.ok(held.incidents.names.includes('append_failed'));
});

test('a full disk: refused without a torn acknowledgement, and taken again by itself when there is room', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await append(held, 'kept');
  const kept_bytes = fs.usedBytes();
  fs.capacity_bytes = kept_bytes + 100;
  await assert.rejects(append(held, 'refused'), { code: 'spool_unwritable' });
  held.clock.advance(250);
  await assert.rejects(append(held, 'still full'), { code: 'spool_unwritable' });
  assert.equal(fs.usedBytes(), kept_bytes, 'the tail was cut off');
  fs.capacity_bytes += 1 << 20;
  await untilTaken(held);
  await append(held, 'later');
  const after = await held.reopen(fs.kill());
  assert.deepEqual(await after.sealedNames(), ['kept', 'later']);
  assert.equal(after.spool.stats().quarantined, 0);
});

test('a full disk whose tail cannot even be cut off: the segment ends at its last acknowledged record', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await append(held, 'kept');
  let writes = 0;
  fs.fault = (operation) => {
    if (operation === 'truncate') return 'EIO';
    if (operation !== 'write') return undefined;
    writes++;
    return writes === 1 ? 'short' : 'ENOSPC';
  };
  await assert.rejects(append(held, 'refused'), { code: 'spool_unwritable' });
  fs.fault = () => undefined;
  await untilTaken(held);
  await append(held, 'later');
  assert.deepEqual(await held.sealedNames(), ['kept', 'later']);
});

test('a disk that fills up is left its reserve, so that what was taken can be sealed and delivered', async () => {
  const fs = new MemoryFs();
  fs.capacity_bytes = 200_000;
  const held = await new Held(fs, { free_bytes_min: 150_000 }).start();
  await append(held, 'kept');
  await held.spool.append(blockOf([rowOf('x'.repeat(30_000))]));
  held.clock.advance(1000);
  await until('the spool sees the disk nearly full', 2000, () => held.spool.stats().problem !== undefined);
  await assert.rejects(append(held, 'refused'), { code: 'disk_nearly_full' });
  await held.spool.sealAll();
  await held.spool.retire(held.announced[0]);
  await untilTaken(held);
});

test('a disk too full to seal: the rows wait in the open file, and are sealed when there is room', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await append(held, 'kept');
  fs.capacity_bytes = fs.usedBytes() + 1000;
  await held.spool.sealAll();
  assert.equal(held.announced.length, 0);
  assert.equal(held.spool.stats().unsealed_segments, 1);
  assert.equal(fs.paths().filter((path) => path.endsWith('.partial')).length, 0);
  fs.capacity_bytes = Number.POSITIVE_INFINITY;
  assert.deepEqual(await held.sealedNames(), ['kept']);
});

test('short writes, EINTR and EAGAIN are gone on from', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  let writes = 0;
  fs.fault = (operation) => (operation === 'write' ? ['short', 'EINTR', 'short', 'EAGAIN', undefined][writes++ % 5] : undefined);
  const labels = Array.from({ length: 20 }, (_, index) => `row ${index}`);
  for (const label of labels) await append(held, label);
  assert.deepEqual(await held.sealedNames(), labels);
});

test('no descriptor left: that group alone is refused', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await append(held, 'kept');
  fs.fault = (operation) => (operation === 'open' ? 'EMFILE' : undefined);
  await assert.rejects(held.spool.append(blockOf([rowOf('refused')], OTHER_TABLE)), { code: 'spool_unwritable' });
  await append(held, 'goes on');
  fs.fault = () => undefined;
  await held.spool.append(blockOf([rowOf('other')], OTHER_TABLE));
  assert.deepEqual((await held.sealedNames()).sort(), ['goes on', 'kept', 'other']);
});

test('one call of any kind fails, at any moment: what was acknowledged comes out once, what was refused does not', async () => {
  for (const code of ['EIO', 'ENOSPC']) {
    for (let failing_call = 0; failing_call < 60; failing_call++) {
      const fs = new MemoryFs();
      const held = await new Held(fs).start();
      let calls = 0;
      fs.fault = () => (calls++ === failing_call ? code : undefined);
      const acknowledged: string[] = [];
      for (const label of ['one', 'two', 'three', 'four']) {
        await append(held, label).then(
          () => acknowledged.push(label),
          () => undefined,
        );
        if (label === 'two') await held.spool.sealAll();
        if (held.spool.stats().problem !== undefined) await untilTaken(held);
      }
      fs.fault = () => undefined;
      assert.deepEqual((await held.sealedNames()).sort(), acknowledged.sort(), `${code} at call ${failing_call}`);
      await held.spool.close();
    }
  }
});

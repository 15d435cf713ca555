/** Room that runs out, and a disk that cannot read what it holds: each has its end, in words and numbers, and costs nothing that can be had. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryFs } from '../support/memory_fs.ts';
import { until } from '../support/until.ts';
import { blockOf, DATA_DIR, Held, OTHER_TABLE, rowOf } from '../unit/pipeline/spool/fixtures.ts';

const KIB = 1024;
const append = (held: Held, label: string): Promise<void> => held.spool.append(blockOf([rowOf(label)]));
const append_to_reserve = (held: Held, label: string): Promise<void> =>
  held.spool.append({ ...blockOf([rowOf(label)], OTHER_TABLE), uses_reserve: true });

/** Turns the clock until `condition` holds. */
async function untilHolds(held: Held, what: string, condition: () => boolean): Promise<void> {
  await until(what, 10_000, () => {
    held.clock.advance(1000);
    return condition();
  });
}

test('a full spool takes what may use the reserve, and that alone, until the reserve is full too', async () => {
  const held = await new Held(new MemoryFs(), { bytes_max: 160 * KIB, reserve_bytes: 20 * KIB }).start();
  await held.spool.append(blockOf([rowOf('x'.repeat(61 * KIB))]));
  await assert.rejects(append(held, 'r'.repeat(4 * KIB)), { code: 'spool_full' });
  assert.equal(held.spool.stats().problem?.code, 'spool_full', 'what still fits is not worth being called ready');
  await append_to_reserve(held, 'webhook');
  const refusal = await append_to_reserve(held, 'y'.repeat(30 * KIB)).catch((error: unknown) => error);
  assert.ok(refusal instanceof Error && refusal.message.includes(`${160 * KIB} bytes`), String(refusal));
});

test('the reserve is never more than an eighth of the spool', async () => {
  const held = await new Held(new MemoryFs(), { bytes_max: 80 * KIB, reserve_bytes: 1 << 30 }).start();
  assert.equal(held.spool.stats().spool_bytes_max, 70 * KIB);
});

test('a nearly full disk refuses all but what may use the reserve, says how much is missing, and ends only with some room to spare', async () => {
  const fs = new MemoryFs();
  fs.capacity_bytes = 1000 * KIB;
  const held = await new Held(fs, { free_bytes_min: 300 * KIB, reserve_bytes: 100 * KIB }).start();
  await append(held, 'kept');
  fs.plant('/others/file', Buffer.alloc(700 * KIB));
  await untilHolds(held, 'the spool sees the disk nearly full', () => held.spool.stats().problem !== undefined);
  await assert.rejects(append(held, 'refused'), { code: 'disk_nearly_full', status: 503, message: /needs 409600/ });
  await append_to_reserve(held, 'webhook');

  fs.plant('/others/file', Buffer.alloc(570 * KIB));
  held.clock.advance(1000);
  await assert.rejects(append(held, 'still refused'), { code: 'disk_nearly_full' });
  fs.plant('/others/file', Buffer.alloc(100 * KIB));
  await untilHolds(held, 'the spool sees that there is room', () => held.spool.stats().problem === undefined);
  await append(held, 'later');
  assert.deepEqual((await held.sealedNames()).sort(), ['kept', 'later', 'webhook']);
  assert.deepEqual(held.incidents.names, ['disk_nearly_full', 'disk_has_room_again']);
});

test('a disk that fails refuses what may use the reserve too', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  fs.fault = () => 'EIO';
  await assert.rejects(append(held, 'refused'), { code: 'spool_unwritable' });
  await assert.rejects(append_to_reserve(held, 'refused'), { code: 'spool_unwritable' });
});

test('a page of an open segment that cannot be read: after a minute all other records are delivered, and the file is kept aside', async () => {
  const fs = new MemoryFs();
  const first = await new Held(fs).start();
  const labels = ['one', 'two', 'three'].map((label) => label.padEnd(6000, '.'));
  for (const label of labels) await append(first, label);
  const [path] = fs.paths();
  const after = fs.kill();
  const bad_page = Math.floor(fs.contentOf(path).indexOf('two..') / 4096);
  after.fault = (operation, name, range) =>
    operation === 'read' && name === path && range !== undefined && range.start < (bad_page + 1) * 4096 && range.end > bad_page * 4096
      ? 'EIO'
      : undefined;
  const held = await first.reopen(after);
  held.clock.advance(10_000);
  assert.equal(held.announced.length, 0, 'a moment is not enough to give up a record');
  await untilHolds(held, 'the rest is sealed', () => held.announced.length === 1);
  assert.deepEqual(await held.sealedNames(), [labels[0], labels[2]]);
  assert.equal(held.spool.stats().unsealed_segments, 0);
  assert.equal(held.spool.stats().quarantined, 2);
  const kept = after.paths().filter((name) => name.startsWith(`${DATA_DIR}/quarantine/`));
  assert.deepEqual(new Set(kept.map((name) => name.split('.').at(-1))), new Set(['open', 'record']));
});

test('a sealed segment that cannot be read is called damaged in the end, so that its table goes on', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs, { held_bytes_max: 0 }).start();
  await append(held, 'one');
  await held.spool.sealAll();
  fs.fault = (operation) => (operation === 'read' ? 'EIO' : undefined);
  for (let tries = 1; tries < 20; tries++) await assert.rejects(held.spool.open(held.announced[0]), { code: 'EIO' });
  await assert.rejects(held.spool.open(held.announced[0]), { code: 'segment_corrupt' });
  await held.spool.quarantine(held.announced[0], 'it cannot be read');
  assert.equal(held.spool.stats().spool_bytes, 0);
});

test('an open segment whose file somebody removed is reported as lost, once, and not waited for', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs, { held_bytes_max: 0 }).start();
  await append(held, 'one');
  await fs.remove(fs.paths()[0] ?? '');
  await held.spool.sealAll();
  await held.spool.sealAll();
  assert.deepEqual(held.incidents.names, ['segment_lost']);
  assert.equal(held.spool.stats().spool_bytes, 0);
});

test('a directory that is gone for a moment while a segment is sealed costs nothing', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await append(held, 'one');
  fs.fault = (operation) => (operation === 'rename' ? 'ENOENT' : undefined);
  await held.spool.sealAll();
  fs.fault = () => undefined;
  assert.deepEqual(await held.sealedNames(), ['one']);
});

test('an open file that was removed although the removal was reported as failed does not hide its sealed one', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await append(held, 'one');
  const [open_path] = fs.paths();
  fs.fault = (operation, path) => (operation === 'remove' && path === open_path ? 'EIO' : undefined);
  await held.spool.sealAll();
  assert.equal(held.announced.length, 0);
  fs.fault = () => undefined;
  await fs.remove(open_path ?? '');
  assert.deepEqual(await held.sealedNames(), ['one']);
});

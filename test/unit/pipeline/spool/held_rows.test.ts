import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldBlocks } from '../../../../src/pipeline/spool/held_blocks.ts';
import { FIRST_PAGE_BYTES, PAGE_BYTES, PagePool } from '../../../../src/pipeline/spool/page_pool.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { blockOf, Held, rowOf } from './fixtures.ts';

async function append(held: Held, ...labels: readonly string[]): Promise<void> {
  for (const label of labels) await held.spool.append(blockOf([rowOf(label)]));
}

/** A spool with two rows in an open segment, and what is done to its files from now on. */
async function twoRows(): Promise<{ held: Held; operations: string[] }> {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await append(held, 'one', 'two');
  const operations: string[] = [];
  fs.fault = (operation) => {
    operations.push(operation);
    return undefined;
  };
  return { held, operations };
}

test('what this process appended is sealed and sent without being read back', async () => {
  const { held, operations } = await twoRows();
  assert.deepEqual(await held.sealedNames(), ['one', 'two']);
  assert.ok(operations.includes('datasync'));
  assert.ok(!operations.includes('read'));
});

test('a segment that is sent a second time comes from the disk, and is checked', async () => {
  const { held, operations } = await twoRows();
  await held.sealedNames();
  assert.equal((await held.nativeOf(held.announced[0])).rows.length, 2);
  assert.ok(operations.includes('read'));
  const [path] = held.fs.paths().filter((one) => one.endsWith('.sealed'));
  const content = held.fs.contentOf(path);
  content[content.indexOf('two')] ^= 1;
  await assert.rejects(held.spool.open(held.announced[0]), { code: 'segment_corrupt' });
});

test('what could not be written is not sealed, though it had been in memory', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await append(held, 'one');
  fs.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined);
  await assert.rejects(append(held, 'two'), { code: 'spool_unwritable' });
  fs.fault = () => undefined;
  assert.deepEqual(await held.sealedNames(), ['one']);
});

test('what could not be synced is not sealed either', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await append(held, 'one');
  fs.fault = (operation) => (operation === 'datasync' ? 'EIO' : undefined);
  await assert.rejects(append(held, 'two'), { code: 'spool_unwritable' });
  fs.fault = () => undefined;
  assert.deepEqual(await held.sealedNames(), ['one']);
});

test('rows for which there is no memory are sealed from the disk', async () => {
  const held = await new Held(new MemoryFs(), { held_bytes_max: 3 * FIRST_PAGE_BYTES }).start();
  await append(held, 'one', 'two');
  assert.deepEqual(await held.sealedNames(), ['one', 'two']);
});

test('a pool gives no more than it may, and takes what is sealed back from the last one on', () => {
  const pool = new PagePool(PAGE_BYTES + 2 * FIRST_PAGE_BYTES);
  const blocks = new HeldBlocks(pool);
  for (const segment_id of ['lent', 'early', 'late']) {
    const page = pool.take(segment_id === 'lent' ? PAGE_BYTES : FIRST_PAGE_BYTES);
    assert.ok(page !== undefined);
    blocks.add(segment_id, { pieces: [page], pages: [page] });
  }
  assert.notEqual(blocks.lend('lent'), undefined);
  assert.notEqual(pool.take(FIRST_PAGE_BYTES), undefined);
  assert.equal(blocks.lend('late'), undefined, 'its memory went first');
  assert.notEqual(blocks.lend('early'), undefined);
  assert.equal(pool.take(FIRST_PAGE_BYTES), undefined, 'what is being sent is not taken away');
});

test('a pool that is no longer used keeps little', () => {
  const pool = new PagePool(2 ** 30);
  const pages = Array.from({ length: 256 }, () => pool.take(PAGE_BYTES) ?? assert.fail('no page'));
  assert.equal(pool.bytes, 256 * PAGE_BYTES);
  pool.give(pages.slice(0, 128));
  assert.equal(pool.bytes, 256 * PAGE_BYTES);
  pool.give(pages.slice(128));
  assert.ok(pool.bytes <= 8 * 2 ** 20, `${pool.bytes} bytes are kept`);
});

test('pages are used again when the first INSERT has delivered them, and else are not', () => {
  const pool = new PagePool(PAGE_BYTES);
  const blocks = new HeldBlocks(pool);
  const take = (): Buffer => pool.take(PAGE_BYTES) ?? assert.fail('no page');
  const once = take();
  blocks.add('once', { pieces: [once], pages: [once] });
  blocks.lend('once');
  blocks.delivered('once');
  const twice = take();
  assert.equal(twice, once);
  blocks.add('twice', { pieces: [twice], pages: [twice] });
  blocks.lend('twice');
  assert.equal(blocks.lend('twice'), undefined);
  blocks.delivered('twice');
  const refused = take();
  assert.notEqual(refused, twice);
  blocks.add('refused', { pieces: [refused], pages: [refused] });
  blocks.lend('refused');
  blocks.forget('refused');
  assert.notEqual(take(), refused);
});

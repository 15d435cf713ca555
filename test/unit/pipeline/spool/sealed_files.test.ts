import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SpoolOptions } from '../../../../src/pipeline/spool/options.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { seededRandom } from '../../../support/seeded_random.ts';
import { blockOf, DATA_DIR, Held, rowOf } from './fixtures.ts';

const SEED = 7;

async function oneSealed(options: Partial<SpoolOptions> = {}): Promise<{ fs: MemoryFs; held: Held; path: string }> {
  const fs = new MemoryFs();
  const held = await new Held(fs, options).start();
  await held.spool.append(blockOf([rowOf('one'), rowOf('two')]));
  await held.spool.sealAll();
  const [path] = fs.paths();
  return { fs, held, path };
}

test('tokens are counted, and survive the death of the process and of the machine', async () => {
  const { fs, held } = await oneSealed();
  const first = await held.spool.takeToken(held.announced[0]);
  assert.equal(first.tokens, 1);
  assert.equal((await held.spool.takeToken(first)).tokens, 2);
  const after = await held.reopen(fs.crash(seededRandom(SEED)));
  assert.equal(after.announced[0]?.tokens, 2);
  assert.equal((await after.spool.takeToken(after.announced[0])).tokens, 3);
});

test('a damaged or torn token counts as taken: doubt is safe, certainty that it was never sent is not', async () => {
  const { fs, held, path } = await oneSealed();
  await held.spool.takeToken(held.announced[0]);
  const content = fs.contentOf(path);
  content.fill(0xff, content.length - 4096, content.length - 4096 + 16);
  const after = await held.reopen(fs.kill());
  assert.equal(after.announced[0]?.tokens, 1);
});

test('more tokens than were provided for are counted too', async () => {
  const { fs, held } = await oneSealed();
  for (let count = 0; count < 300; count++) await held.spool.takeToken(held.announced[0]);
  assert.equal((await held.reopen(fs.kill())).announced[0]?.tokens, 300);
});

test('a token is taken on a full disk', async () => {
  const { fs, held } = await oneSealed();
  fs.capacity_bytes = fs.usedBytes();
  assert.equal((await held.spool.takeToken(held.announced[0])).tokens, 1);
});

test('a token whose sync failed is not given out', async () => {
  const { fs, held } = await oneSealed();
  fs.fault = (operation) => (operation === 'datasync' ? 'EIO' : undefined);
  await assert.rejects(held.spool.takeToken(held.announced[0]), { code: 'EIO' });
  fs.fault = () => undefined;
  assert.equal((await held.spool.takeToken(held.announced[0])).tokens, 1);
});

test('a bit flipped in the rows is found before they are sent', async () => {
  const { fs, held, path } = await oneSealed({ held_bytes_max: 0 });
  const content = fs.contentOf(path);
  content[content.indexOf('two')] ^= 1;
  await assert.rejects(held.spool.open(held.announced[0]), { code: 'segment_corrupt' });
  await held.spool.quarantine(held.announced[0], 'its rows are damaged');
  const kept = fs.paths().filter((one) => !one.includes('/ledger/'));
  assert.deepEqual(kept, [path.replace('/spool/', '/quarantine/')]);
  assert.equal(held.spool.stats().spool_bytes, 0);
});

test('a bit flipped anywhere behind the rows costs nothing but at most a doubt', async () => {
  const { fs, held, path } = await oneSealed();
  const content = Buffer.from(fs.contentOf(path));
  const { native_bytes, tokens, ...rest } = held.announced[0];
  for (let offset = native_bytes; offset < content.length; offset += offset < content.length - 4200 ? 1 : 61) {
    const damaged_fs = new MemoryFs();
    damaged_fs.plant(path, content);
    damaged_fs.contentOf(path)[offset] ^= 1 << (offset % 8);
    const after = await held.reopen(damaged_fs);
    assert.equal(after.announced.length, 1, `byte ${offset}`);
    const { tokens: found_tokens, ...found } = after.announced[0];
    assert.deepEqual(found, { ...rest, native_bytes }, `byte ${offset}`);
    assert.ok(found_tokens >= tokens);
    assert.equal((await after.nativeOf(after.announced[0])).rows.length, 2);
    await after.spool.close();
  }
});

test('a sealed file without a footer is set aside at the start, and the others are delivered', async () => {
  const { fs, held, path } = await oneSealed();
  await held.spool.append(blockOf([rowOf('three')]));
  await held.spool.sealAll();
  const damaged_fs = fs.kill();
  damaged_fs.plant(path, Buffer.from(fs.contentOf(path).subarray(0, 300)));
  const after = await held.reopen(damaged_fs);
  assert.deepEqual(await after.sealedNames(), ['three']);
  assert.ok(damaged_fs.paths().includes(path.replace(`${DATA_DIR}/spool/`, `${DATA_DIR}/quarantine/`)));
});

test('a retired segment never comes back as one that was never sent', async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const sealed = await oneSealed();
    // Every other time the process had died in between, and the next one knows nothing of what was not synced.
    const fs = seed % 2 === 0 ? sealed.fs.kill() : sealed.fs;
    const held = fs === sealed.fs ? sealed.held : await sealed.held.reopen(fs);
    const taken = await held.spool.takeToken(held.announced[0]);
    await held.spool.retire(taken);
    const after = await held.reopen(fs.crash(seededRandom(seed)));
    await after.spool.sealAll();
    for (const segment of after.announced) assert.ok(segment.tokens > 0, `seed=${seed}`);
    await after.spool.close();
  }
});

/** Segments that are sent from memory while the disk has their open file alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SealedSegment } from '../../../../src/contract/segment.ts';
import type { SpoolOptions } from '../../../../src/pipeline/spool/options.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { seededRandom } from '../../../support/seeded_random.ts';
import { blockOf, DATA_DIR, Held, rowOf } from './fixtures.ts';

const MARK_OFFSET = 16_384 - 32;

function startUnfiled(options: Partial<SpoolOptions> = {}): Promise<Held> {
  return new Held(new MemoryFs(), { unfiled_segments_max: 4, ...options }).start();
}

/** Appends rows, closes their segment, and returns what is announced of it. */
async function sealRows(held: Held, ...labels: readonly string[]): Promise<SealedSegment> {
  for (const label of labels) await held.spool.append(blockOf([rowOf(label)]));
  await held.spool.sealAll();
  const segment = held.announced.shift();
  assert.ok(segment);
  return segment;
}

async function namesOf(held: Held, segment: SealedSegment): Promise<(string | undefined)[]> {
  return (await held.nativeOf(segment)).rows.map((row) => row['name']);
}

/** The spool's files, by what their names end in. */
function kinds({ fs }: Held): string[] {
  const names = fs.paths().filter((path) => path.startsWith(`${DATA_DIR}/spool/`));
  return names.map((path) => path.slice(path.lastIndexOf('.') + 1)).sort();
}

function openPath({ fs }: Held): string {
  const path = fs.paths().find((one) => one.endsWith('.open'));
  assert.ok(path !== undefined);
  return path;
}

/** The process is killed: what the next start announces. */
async function restart(held: Held): Promise<{ next: Held; segment: SealedSegment | undefined }> {
  const next = await held.reopen(held.fs.kill());
  await next.spool.sealAll();
  return { next, segment: next.announced.shift() };
}

test('a segment that its first INSERT delivers is never written a second time', async () => {
  const held = await startUnfiled();
  const segment = await sealRows(held, 'one', 'two');
  assert.deepEqual(kinds(held), ['open']);
  assert.deepEqual(await namesOf(held, segment), ['one', 'two']);
  await held.spool.takeToken(segment);
  assert.deepEqual(kinds(held), ['open']);
  await held.spool.retire(segment);
  assert.deepEqual(kinds(held), []);
  assert.equal(held.spool.stats().spool_bytes, 0);
});

test('for a second INSERT it gets its file, with the same bytes and the token that was taken', async () => {
  const held = await startUnfiled();
  const segment = await sealRows(held, 'one', 'two');
  await namesOf(held, segment);
  await held.spool.takeToken(segment);
  assert.deepEqual(await namesOf(held, segment), ['one', 'two']);
  assert.deepEqual(kinds(held), ['sealed']);
  const { next, segment: found } = await restart(held);
  assert.deepEqual([found?.id, found?.tokens, found?.native_bytes], [segment.id, 1, segment.native_bytes]);
  assert.ok(found);
  await next.spool.retire(found);
  assert.equal(next.spool.stats().spool_bytes, 0);
});

test('a second token finds its place, in a file that is made for it', async () => {
  const held = await startUnfiled();
  const segment = await sealRows(held, 'one', 'two');
  await held.spool.takeToken(segment);
  await held.spool.takeToken(segment);
  assert.deepEqual(kinds(held), ['sealed']);
  const { next, segment: found } = await restart(held);
  assert.equal(found?.tokens, 2);
  assert.ok(found);
  assert.deepEqual(await namesOf(next, found), ['one', 'two']);
});

test('what memory was too short for is sent from its file, which is made then', async () => {
  const held = await startUnfiled({ held_bytes_max: 256 << 10 });
  const first = await sealRows(held, 'one');
  const second = await sealRows(held, 'two');
  const third = await sealRows(held, 'three');
  for (const [segment, name] of [
    [third, 'three'],
    [second, 'two'],
    [first, 'one'],
  ] as const)
    assert.deepEqual(await namesOf(held, segment), [name]);
});

test('a backlog gets its files', async () => {
  const held = await startUnfiled({ unfiled_segments_max: 1 });
  await sealRows(held, 'one');
  await sealRows(held, 'two');
  assert.deepEqual(kinds(held), ['open', 'sealed']);
});

test('acknowledged from memory, a segment gets its file: its open one may not be on the disk', async () => {
  const held = await startUnfiled({ ack: 'memory' });
  await sealRows(held, 'one');
  assert.deepEqual(kinds(held), ['sealed']);
});

test('after a death it has its token and just the rows that were sent, whatever stands behind them', async () => {
  const held = await startUnfiled();
  const segment = await sealRows(held, 'one', 'two');
  await held.spool.takeToken(segment);
  const path = openPath(held);
  const content = held.fs.contentOf(path);
  // A record that was written and never acknowledged.
  held.fs.plant(path, Buffer.concat([content, content.subarray(16_384)]));
  const { next, segment: found } = await restart(held);
  assert.deepEqual([found?.id, found?.tokens, found?.rows], [segment.id, 1, 2]);
  assert.ok(found);
  assert.deepEqual(await namesOf(next, found), ['one', 'two']);
});

test('a damaged mark is a token that was taken', async () => {
  const held = await startUnfiled();
  const segment = await sealRows(held, 'one');
  await held.spool.takeToken(segment);
  held.fs.contentOf(openPath(held))[MARK_OFFSET + 20] ^= 1;
  const { segment: found } = await restart(held);
  assert.deepEqual([found?.tokens, found?.rows], [1, 1]);
});

test('a file that lost rows after it was sent is set aside whole: nobody can say what ClickHouse has of it', async () => {
  const held = await startUnfiled();
  const segment = await sealRows(held, 'one', 'two');
  await held.spool.takeToken(segment);
  const content = held.fs.contentOf(openPath(held));
  content[content.indexOf('two')] ^= 1;
  const { next, segment: found } = await restart(held);
  assert.equal(found, undefined);
  assert.ok(next.incidents.names.includes('segment_quarantined'));
  assert.ok(next.fs.paths().some((path) => path.startsWith(`${DATA_DIR}/quarantine/`) && path.endsWith('.open')));
});

test('a file that lost rows before a second INSERT is refused as corrupt, and can be set aside', async () => {
  const held = await startUnfiled();
  const segment = await sealRows(held, 'one', 'two');
  await namesOf(held, segment);
  const content = held.fs.contentOf(openPath(held));
  content[content.indexOf('two')] ^= 1;
  await assert.rejects(held.spool.open(segment), { code: 'segment_corrupt' });
  await held.spool.quarantine(segment, 'its rows are damaged');
  assert.deepEqual(kinds(held), []);
  assert.equal(held.spool.stats().spool_bytes, 0);
});

test('it is split, and set aside, by its file', async () => {
  const held = await startUnfiled();
  const segment = await sealRows(held, 'one', 'two');
  await namesOf(held, segment);
  await held.spool.takeToken(segment);
  const halves = await held.spool.split(segment);
  assert.deepEqual(kinds(held), ['sealed', 'sealed']);
  assert.deepEqual(await Promise.all(halves.map((half) => namesOf(held, half))), [['one'], ['two']]);
  const single = await sealRows(held, 'three');
  await held.spool.deadLetter(single, { code: '53', message: 'no' });
  assert.deepEqual(held.spool.stats().dead_letters, { events: 1 });
});

test('a file that the disk cannot write is made later', async () => {
  const held = await startUnfiled();
  const segment = await sealRows(held, 'one');
  await namesOf(held, segment);
  held.fs.fault = (operation) => (operation === 'datasync' ? 'EIO' : undefined);
  await assert.rejects(held.spool.open(segment), { code: 'EIO' });
  held.fs.fault = () => undefined;
  assert.deepEqual(await namesOf(held, segment), ['one']);
});

test('rows in memory and in the file are the same block, byte for byte', async () => {
  const random = seededRandom(20_261_128);
  for (const entries of [3, 300, 5000]) {
    const rows = Array.from({ length: 6000 }, (_, row) => rowOf(`row ${row}`, `color ${random.below(entries)}`));
    const held = await startUnfiled();
    for (let row = 0; row < rows.length; row += 100) await held.spool.append(blockOf(rows.slice(row, row + 100)));
    await held.spool.sealAll();
    const [segment] = held.announced;
    assert.ok(segment);
    const read = async (): Promise<Buffer> => Buffer.concat(await (await held.spool.open(segment)).toArray());
    const from_memory = await read();
    assert.deepEqual(kinds(held), ['open']);
    assert.ok(from_memory.equals(await read()));
    assert.deepEqual(kinds(held), ['sealed']);
  }
});

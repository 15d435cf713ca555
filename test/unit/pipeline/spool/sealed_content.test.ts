import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SpoolBlock } from '../../../../src/contract/segment.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { blockOf, Held, type NativeBlock, type Row, readNative, rowOf } from './fixtures.ts';

async function sealed(rows: readonly (readonly Row[])[]): Promise<NativeBlock> {
  const blocks = rows.map((each) => blockOf(each));
  const read = await sealedFile(blocks, 0);
  const kept = await sealedFile(blocks, 1 << 30);
  assert.ok(read.equals(kept), 'a segment sealed from memory is another than the same one sealed from its file');
  return readNative(read);
}

async function sealedFile(blocks: readonly SpoolBlock[], held_bytes_max: number): Promise<Buffer> {
  const held = await new Held(new MemoryFs(), { queued_bytes_max: 1 << 28, seal_bytes_max: 1 << 30, held_bytes_max }).start();
  await Promise.all(blocks.map((block) => held.spool.append(block)));
  await held.spool.sealAll();
  assert.equal(held.announced.length, 1);
  const [{ native_bytes }] = held.announced;
  const [path] = held.fs.paths().filter((one) => one.endsWith('.sealed'));
  const content = held.fs.contentOf(path).subarray(0, native_bytes);
  assert.ok(content.equals(await held.bytesOf(held.announced[0])), 'what is sent of a segment is another than what is in its file');
  return content;
}

function colored(count: number, color_of: (row: number) => string): Row[] {
  const row = rowOf('row');
  return Array.from({ length: count }, (_, index) => ({ ...row, color: color_of(index) }));
}

const NAMES = ['the same few entries in another order', 'more than 256 entries', 'exactly 65,536 entries'] as const;
const COUNTS = [3, 300, 65_536] as const;

for (const [index, name] of NAMES.entries()) {
  test(`a merged dictionary gives every row its own value: ${name}`, async () => {
    const entries = COUNTS[index] ?? 0;
    const blocks = [
      colored(entries, (row) => `é${row}`),
      colored(300, (row) => `é${entries - 1 - (row % entries)}`),
      colored(2, () => 'é0'),
    ];
    const native = await sealed(blocks);
    assert.equal(native.types['color'], 'LowCardinality(String)');
    assert.equal(native.rows.map(({ color }) => color).join(), blocks.flatMap((rows) => rows.map(({ color }) => color)).join());
  });
}

test('a dictionary of more than 65,536 entries falls back to plain strings, and the columns around it stay right', async () => {
  const blocks = [colored(65_500, (row) => `a${row}`), colored(100, (row) => `b${row}`), colored(5, () => 'x'.repeat(40_000))];
  const native = await sealed(blocks);
  assert.equal(native.types['color'], 'String');
  assert.equal(native.types['size'], 'LowCardinality(String)');
  assert.equal(JSON.stringify(native.rows.map(({ ingest_segment: _, ...row }) => row)), JSON.stringify(blocks.flat()));
});

test('a dictionary of few but huge entries falls back to plain strings too', async () => {
  const blocks = Array.from({ length: 10 }, (_, block) => colored(1, () => `${block}`.repeat(1 << 20)));
  const native = await sealed(blocks);
  assert.equal(native.types['color'], 'String');
  assert.deepEqual(
    native.rows.map(({ color }) => color?.slice(0, 3)),
    blocks.flat().map(({ color }) => color?.slice(0, 3)),
  );
});

test('columns too large to be held together are read one after the other', async () => {
  const row = rowOf('row');
  const blocks = Array.from({ length: 12 }, (_, block) => [
    { ...row, name: `n${block}`.repeat(400_000), note: `{"${block}":"${'y'.repeat(1 << 20)}"}` },
    { ...row, name: 'small', note: '{}' },
  ]);
  const native = await sealed(blocks);
  assert.deepEqual(
    native.rows.map(({ ingest_segment: _, ...found }) => found),
    blocks.flat(),
  );
});

test('values of any bytes and of no bytes come through', async () => {
  const values = ['', '\0', '\n\nDROP TABLE events', '😀'.repeat(50), 'é'.repeat(127), 'x'.repeat(16_384)];
  const rows = values.map((value) => ({ ...rowOf('row'), name: value, color: value }));
  const native = await sealed([rows, rows]);
  assert.deepEqual(
    native.rows.map(({ name, color }) => [name, color]),
    [...rows, ...rows].map(({ name, color }) => [name, color]),
  );
});

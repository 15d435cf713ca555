/** Splitting a sealed segment: the halves, and that no moment of a crash loses or doubles a row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_BOOKS, type SegmentBooks } from '../../../../src/contract/books.ts';
import type { SealedSegment } from '../../../../src/contract/segment.ts';
import { divideAccounts } from '../../../../src/pipeline/spool/accounts.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { seededRandom } from '../../../support/seeded_random.ts';
import { blockOf, Held, type Row, rowOf } from './fixtures.ts';

const SEEDS = [1, 2, 3, 4];

async function sealedRows(rows: readonly Row[], fs = new MemoryFs()): Promise<{ fs: MemoryFs; held: Held; segment: SealedSegment }> {
  const held = await new Held(fs).start();
  for (let row = 0; row < rows.length; row += 1000) await held.spool.append(blockOf(rows.slice(row, row + 1000)));
  await held.spool.sealAll();
  return { fs, held, segment: held.announced[0] };
}

function withoutSegment(rows: readonly Row[]): readonly Row[] {
  return rows.map(({ ingest_segment: _, ...row }) => row);
}

/** A UUID as it lies in a block, for comparison. */
function segmentBytes(id: string): string {
  const hex = Buffer.from(id.replaceAll('-', ''), 'hex');
  return Buffer.concat([hex.subarray(0, 8).reverse(), hex.subarray(8).reverse()]).toString('hex');
}

async function namesIn(held: Held, segments: readonly SealedSegment[]): Promise<string[]> {
  const names: string[] = [];
  for (const segment of segments) names.push(...(await held.nativeOf(segment)).rows.map((row) => row['name'] ?? ''));
  return names;
}

const FIVE = ['one', 'two', 'three', 'four', 'five'].map((label, index) => rowOf(label, index < 2 ? 'red' : `color of ${label}`));

test('the halves hold the rows in their order, each under an identity of its own and in the place of the segment', async () => {
  const { held, segment } = await sealedRows(FIVE);
  const halves = await held.spool.split(segment);
  assert.deepEqual(
    halves.map(({ rows, sequence, tokens, origin }) => ({ rows, sequence, tokens, origin })),
    [
      { rows: 2, sequence: segment.sequence, tokens: 0, origin: { parent: segment.id, root: segment.id, first_row: 0 } },
      { rows: 3, sequence: segment.sequence, tokens: 0, origin: { parent: segment.id, root: segment.id, first_row: 2 } },
    ],
  );
  const blocks = [await held.nativeOf(halves[0]), await held.nativeOf(halves[1])];
  assert.deepEqual(
    blocks.flatMap(({ rows }) => withoutSegment(rows)),
    FIVE,
  );
  for (const [index, { rows }] of blocks.entries()) {
    assert.ok(rows.every((row) => row['ingest_segment'] === segmentBytes(halves[index]?.id ?? '')));
  }
  const { spool_bytes, sealed_rows, sealed_segments } = held.spool.stats();
  assert.deepEqual({ sealed_rows, sealed_segments }, { sealed_rows: 5, sealed_segments: 2 });
  assert.equal(spool_bytes, halves[0].file_bytes + halves[1].file_bytes);
});

test('a segment can be cut down to its rows, and a part carries nothing of the values of others', async () => {
  const { held, segment, fs } = await sealedRows(FIVE);
  const rows: Row[] = [];
  const cut = async (piece: SealedSegment): Promise<void> => {
    if (piece.rows > 1) for (const half of await held.spool.split(piece)) await cut(half);
    else rows.push(...withoutSegment((await held.nativeOf(piece)).rows));
  };
  await cut(segment);
  assert.deepEqual(rows, FIVE);
  const files = fs.paths().map((path) => fs.contentOf(path));
  assert.equal(files.length, 5);
  assert.equal(files.filter((content) => content.includes('color of five')).length, 1);
});

test('texts larger than a window, dictionaries of many and of too many entries are cut as well', async () => {
  const long = 'x'.repeat(3 << 20);
  for (const colors of [300, 70_000]) {
    const rows = Array.from({ length: colors }, (_, index) => rowOf(`row ${index}`, `color ${index}`));
    rows[7] = rowOf(long, 'long');
    const { held, segment } = await sealedRows(rows);
    const found: Row[] = [];
    for (const half of await held.spool.split(segment)) {
      for (const quarter of await held.spool.split(half)) found.push(...withoutSegment((await held.nativeOf(quarter)).rows));
    }
    assert.deepEqual(found, rows);
  }
});

test('accounts are divided so that every sum stays what it was', () => {
  const random = seededRandom(11);
  for (let round = 0; round < 500; round++) {
    const accounts = ['a', 'b', 'c'].slice(0, 1 + random.below(3)).map((source) => {
      const accepted = random.below(5);
      const bad = random.below(3);
      return { source, accepted, received: accepted + bad, rejected: bad > 0 ? { bad } : {} };
    });
    const rows = Math.max(
      2,
      accounts.reduce((sum, { accepted }) => sum + accepted, 0),
    );
    const halves = divideAccounts(accounts, 1 + random.below(rows - 1), rows);
    for (const whole of accounts) {
      const parts = halves.flat().filter(({ source }) => source === whole.source);
      const sum = (of: (part: (typeof parts)[number]) => number): number => parts.reduce((total, part) => total + of(part), 0);
      assert.equal(
        sum(({ accepted }) => accepted),
        whole.accepted,
      );
      assert.equal(
        sum(({ received }) => received),
        whole.received,
      );
      assert.equal(
        sum(({ rejected }) => rejected['bad'] ?? 0),
        'bad' in whole.rejected ? whole.rejected.bad : 0,
      );
    }
    for (const part of halves.flat()) assert.equal(part.received, part.accepted + (part.rejected['bad'] ?? 0));
  }
});

test('each half accounts for its rows', async () => {
  const { held, segment } = await sealedRows(FIVE);
  const [first, second] = await held.spool.split(segment);
  assert.deepEqual(first.accounts, [{ source: 'test', received: 3, accepted: 2, rejected: { bad: 1 } }]);
  assert.deepEqual(second.accounts, [{ source: 'test', received: 3, accepted: 3, rejected: {} }]);
});

/** How many calls of the file system a split takes. */
async function stepsOfSplit(): Promise<number> {
  const { fs, held, segment } = await sealedRows(FIVE);
  let steps = 0;
  fs.fault = () => {
    steps++;
    return undefined;
  };
  await held.spool.split(segment);
  return steps;
}

test('a crash at any step of a split leaves the segment or both halves, and every row once', async () => {
  const steps = await stepsOfSplit();
  assert.ok(steps > 15, `${steps} steps`);
  let wholes = 0;
  let splits = 0;
  for (let step = 0; step <= steps; step++) {
    for (const seed of [undefined, ...SEEDS]) {
      const { fs, held, segment } = await sealedRows(FIVE);
      let left = step;
      fs.fault = () => (left-- <= 0 ? 'EIO' : undefined);
      const is_done = await held.spool.split(segment).then(
        () => true,
        () => false,
      );
      const after = await held.reopen(seed === undefined ? fs.kill() : fs.crash(seededRandom(seed)));
      const ids = after.announced.map(({ id }) => id);
      const names = await namesIn(after, after.announced);
      assert.deepEqual(names, ['one', 'two', 'three', 'four', 'five'], `step ${step}, seed ${seed}`);
      if (ids.includes(segment.id)) {
        assert.equal(ids.length, 1);
        assert.ok(!is_done, 'a split that was done came undone');
        wholes++;
      } else splits++;
    }
  }
  assert.ok(wholes > 0 && splits > 0, `${wholes} whole, ${splits} split`);
});

test('a split that failed at any step can be done again, and leaves nothing of the first try', async () => {
  const steps = await stepsOfSplit();
  for (let step = 0; step < steps; step++) {
    const { fs, held, segment } = await sealedRows(FIVE);
    let left = step;
    fs.fault = () => (left-- === 0 ? 'EIO' : undefined);
    await assert.rejects(held.spool.split(segment), { code: 'EIO' });
    fs.fault = () => undefined;
    const halves = await held.spool.split(segment);
    assert.equal(halves.length, 2, `step ${step}`);
    assert.deepEqual(
      fs.paths().map((path) => path.slice(-43, -7)),
      halves.map(({ id }) => id).sort(),
      `step ${step}`,
    );
  }
});

test('a damaged segment is not split', async () => {
  const { fs, held, segment } = await sealedRows(FIVE);
  const content = fs.contentOf(fs.paths()[0] ?? '');
  content[content.indexOf('three')] ^= 1;
  await assert.rejects(held.spool.split(segment), { code: 'segment_corrupt' });
});

test('the books hear of a split when both halves are durable, and take the segment away themselves', async () => {
  const told: string[] = [];
  const { fs, held } = await sealedRows(FIVE);
  let failures = 1;
  const books: SegmentBooks = {
    ...NO_BOOKS,
    split: async (parent, children, remove_file) => {
      const files = fs_of_books.paths().length;
      told.push(`${parent.id.slice(-2)} to ${children.map(({ id }) => id.slice(-2)).join()}, ${files} files`);
      if (failures-- > 0) throw new Error('the books cannot be written');
      await remove_file();
    },
  };
  const fs_of_books = fs.kill();
  const again = await held.reopen(fs_of_books, undefined, books);
  await assert.rejects(again.spool.split(again.announced[0]), /cannot be written/);
  await again.spool.split(again.announced[0]);
  assert.deepEqual(told, ['01 to 02,03, 3 files', '01 to 02,03, 3 files']);
  assert.equal(fs_of_books.paths().length, 2);
});

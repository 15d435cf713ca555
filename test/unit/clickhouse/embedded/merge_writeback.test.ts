import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadStartWriting } from '../../../../src/clickhouse/embedded/early_writing.ts';
import { MergeWriteback } from '../../../../src/clickhouse/embedded/merge_writeback.ts';

const TABLE = 'store/123/123e4567-e89b-12d3-a456-426614174000';

interface Engine {
  readonly directory: string;
  /** One pass; the paths below the table that were asked for. */
  readonly pass: () => readonly string[];
  /** What the last pass returned. */
  readonly isMerging: () => boolean;
  /** Writes a file below the table. */
  readonly write: (path: string) => void;
}

function engineDirectory(context: TestContext): Engine {
  const directory = mkdtempSync(join(tmpdir(), 'penstock-writeback-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const asked: string[] = [];
  let is_merging = false;
  const writeback = new MergeWriteback(directory, (path) => asked.push(relative(join(directory, TABLE), path)));
  return {
    directory,
    pass: () => {
      asked.length = 0;
      is_merging = writeback.pass();
      return asked.toSorted();
    },
    isMerging: () => is_merging,
    write: (path) => {
      const file = join(directory, TABLE, path);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, 'x'.repeat(10_000));
    },
  };
}

test('what a merge or a mutation is making is written, its projections too, and nothing else', (context) => {
  const { pass, write } = engineDirectory(context);
  assert.deepEqual(pass(), [], 'there is no store yet');
  for (const part of ['202611_1_1_0', 'tmp_insert_202611_9_9_0', 'delete_tmp_202611_2_2_0', 'detached/202611_3_3_0'])
    write(`${part}/data.bin`);
  assert.deepEqual(pass(), []);
  write('tmp_merge_202611_1_5_1/data.bin');
  write('tmp_merge_202611_1_5_1/by_day.tmp_proj/data.bin');
  write('tmp_mut_202611_1_1_0_6/event_id.bin');
  const all = ['tmp_merge_202611_1_5_1/by_day.tmp_proj/data.bin', 'tmp_merge_202611_1_5_1/data.bin', 'tmp_mut_202611_1_1_0_6/event_id.bin'];
  assert.deepEqual(pass(), all);
  write('tmp_merge_202611_1_5_1/checksums.txt');
  assert.deepEqual(pass(), [all[0], 'tmp_merge_202611_1_5_1/checksums.txt', ...all.slice(1)], 'files grow and come meanwhile');
});

test('a part that is whole since the last pass is written to its end under its name, once', (context) => {
  const { directory, pass, isMerging, write } = engineDirectory(context);
  write('tmp_merge_202611_1_5_1/data.bin');
  write('tmp_merge_202611_6_9_1/data.bin');
  pass();
  assert.ok(isMerging());
  write('tmp_merge_202611_1_5_1/checksums.txt');
  renameSync(join(directory, TABLE, 'tmp_merge_202611_1_5_1'), join(directory, TABLE, '202611_1_5_1'));
  rmSync(join(directory, TABLE, 'tmp_merge_202611_6_9_1'), { recursive: true });
  assert.deepEqual(pass(), ['202611_1_5_1/checksums.txt', '202611_1_5_1/data.bin'], 'and one that was given up is not missed');
  assert.deepEqual(pass(), []);
  assert.ok(!isMerging());
});

test('the system takes it, and what is gone is nothing', async (context) => {
  const start_writing = await loadStartWriting();
  assert.equal(start_writing === undefined, process.platform !== 'linux');
  const { directory, write } = engineDirectory(context);
  write('tmp_merge_202611_1_5_1/data.bin');
  start_writing?.(join(directory, TABLE, 'tmp_merge_202611_1_5_1/data.bin'));
  start_writing?.(join(directory, TABLE, 'tmp_merge_202611_1_5_1/gone.bin'));
});

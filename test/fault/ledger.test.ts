/** The books across crashes: whatever call the process or the machine dies at, both equations hold after it, and no row is counted twice or forgotten. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isBalanced, type LedgerAnswer } from '../../src/contract/ledger.ts';
import type { SealedSegment } from '../../src/contract/segment.ts';
import { MemoryFs } from '../support/memory_fs.ts';
import { seededRandom } from '../support/seeded_random.ts';
import { blockOf, Held, rowOf } from '../unit/pipeline/spool/fixtures.ts';

const CALLS_MAX = 150;
/** Before the JSON of a line, with a space. */
const CHECKSUM_CHARACTERS = 9;

/** Segments that were ever announced, by id: what ClickHouse has at the end, when each is delivered once. */
class ClickHouse {
  readonly rows_by_segment = new Map<string, number>();

  hold(segments: readonly SealedSegment[]): void {
    for (const { id, rows } of segments) this.rows_by_segment.set(id, rows);
  }

  rows(): number {
    return [...this.rows_by_segment.values()].reduce((sum, rows) => sum + rows, 0);
  }
}

function booksOf(held: Held): LedgerAnswer {
  const answer = held.spool.ledger.answer(['test']);
  assert.ok(isBalanced(answer), JSON.stringify(answer));
  return answer;
}

/** Appends, seals and retires, with a look at the books after every step; ends where the file system does. */
async function live(held: Held, clickhouse: ClickHouse): Promise<void> {
  const step = async (work: () => Promise<unknown>): Promise<void> => {
    await work().catch(() => undefined);
    clickhouse.hold(held.announced);
    booksOf(held);
  };
  for (const label of ['one', 'two', 'three', 'four']) {
    await step(() => held.spool.append(blockOf([rowOf(label), rowOf(`${label} more`)])));
    held.spool.ledger.countLoose({ source: 'test', received: 3, accepted: 0, rejected: { bad: 3 } });
    if (label === 'one') continue;
    await step(() => held.spool.sealAll());
    const segment = held.announced.at(-1);
    if (segment !== undefined && label !== 'three') await step(() => held.spool.retire(segment));
    held.clock.advance(label === 'two' ? 86_400_000 : 1);
  }
  await step(() => held.spool.close());
}

for (const kind of ['process', 'machine'] as const) {
  test(`the ${kind} dies at any call: the books balance at the next start, and in the end every row is counted as delivered once`, async () => {
    for (let dying_call = 0; dying_call < CALLS_MAX; dying_call++) {
      const fs = new MemoryFs();
      const held = await new Held(fs).start();
      const clickhouse = new ClickHouse();
      let calls = 0;
      let survivor: MemoryFs | undefined;
      fs.fault = () => {
        if (calls++ !== dying_call) return undefined;
        survivor = kind === 'process' ? fs.kill() : fs.crash(seededRandom(dying_call));
        return 'EIO';
      };
      await live(held, clickhouse);
      const after = await held.reopen(survivor ?? fs.kill());
      booksOf(after);
      await after.spool.sealAll();
      clickhouse.hold(after.announced);
      assert.equal(after.spool.ledger.uncountedSegments(), 0);
      const between = booksOf(after);
      assert.equal(between.accepted, clickhouse.rows(), `call ${dying_call}`);
      assert.equal(
        between.spooled,
        after.announced.reduce((sum, { rows }) => sum + rows, 0),
        `call ${dying_call}`,
      );
      for (const segment of after.announced) await after.spool.retire(segment);
      const books = booksOf(after);
      assert.deepEqual([books.delivered, books.spooled], [clickhouse.rows(), 0], `call ${dying_call}`);
      await after.spool.close();
      const last = booksOf(await after.reopen(after.fs.kill()));
      assert.deepEqual(last, books, `call ${dying_call}`);
    }
  });
}

test('a segment whose file stayed behind its line is removed at the start, and neither announced nor counted again', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await held.spool.append(blockOf([rowOf('one')]));
  await held.spool.sealAll();
  fs.fault = (operation, path) => (operation === 'remove' && path.endsWith('.sealed') ? 'EIO' : undefined);
  await assert.rejects(held.spool.retire(held.announced[0]));
  assert.equal(booksOf(held).delivered, 1);
  const after = await held.reopen(fs.kill());
  assert.deepEqual(after.announced, []);
  assert.equal(booksOf(after).delivered, 1);
  assert.deepEqual(
    after.fs.paths().filter((path) => path.includes('/spool/')),
    [],
  );
});

test('a file that stayed behind its line is known also when the line stands in an earlier book', async () => {
  const held = await new Held().start();
  for (const label of ['one', 'two']) {
    await held.spool.append(blockOf([rowOf(label)]));
    await held.spool.sealAll();
  }
  held.fs.fault = (operation, path) => (operation === 'remove' && path.includes('000000000001-') ? 'EIO' : undefined);
  await assert.rejects(held.spool.retire(held.announced[0]));
  held.clock.advance(86_400_000);
  await held.spool.retire(held.announced[1]);
  assert.equal(held.fs.paths().filter((path) => path.endsWith('.book')).length, 2);
  const after = await held.reopen(held.fs.kill());
  assert.deepEqual(after.announced, []);
  assert.equal(booksOf(after).delivered, 2);
});

test('one call of any kind fails while segments are retired: tried again, each is counted once', async () => {
  for (const code of ['EIO', 'ENOSPC', 'short']) {
    for (let failing_call = 0; failing_call < 40; failing_call++) {
      const held = await new Held().start();
      for (const label of ['one', 'two', 'three']) {
        await held.spool.append(blockOf([rowOf(label)]));
        await held.spool.sealAll();
      }
      let calls = 0;
      held.fs.fault = () => (calls++ === failing_call ? code : undefined);
      for (const segment of held.announced) {
        for (let is_retired = false; !is_retired; ) {
          is_retired = await held.spool.retire(segment).then(
            () => true,
            () => false,
          );
          booksOf(held);
        }
      }
      held.fs.fault = () => undefined;
      assert.equal(booksOf(held).delivered, 3, `${code} at call ${failing_call}`);
      const after = await held.reopen(held.fs.kill());
      assert.deepEqual(booksOf(after), booksOf(held), `${code} at call ${failing_call}`);
      await after.spool.close();
    }
  }
});

test('damage of any single byte of a book costs at most the line that it hit, and a damaged checkpoint nothing', async () => {
  const held = await new Held().start();
  for (const label of ['one', 'two', 'three']) {
    await held.spool.append(blockOf([rowOf(label)]));
    await held.spool.sealAll();
    await held.spool.retire(held.announced.at(-1) ?? held.announced[0]);
  }
  await held.spool.close();
  const path = held.fs.paths().find((one) => one.endsWith('.book')) ?? '';
  const sound = Buffer.from(held.fs.contentOf(path));
  const first_line = sound.indexOf('["delivered"') - CHECKSUM_CHARACTERS;
  for (let at = 0; at < sound.length; at++) {
    const fs = held.fs.kill();
    const damaged = Buffer.from(sound);
    damaged[at] ^= 0x15;
    fs.plant(path, damaged);
    const { delivered } = booksOf(await held.reopen(fs));
    // The newline before a line is as good as its own.
    if (at < first_line - 1) assert.equal(delivered, 3, `byte ${at}`);
    // A newline that is hit takes the line behind it along.
    else assert.ok(delivered >= (sound[at] === 10 ? 1 : 2), `byte ${at}`);
  }
});

/** Dead letters: kept whole, found again after any crash, and put back into the queue when they are marked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_BOOKS, type SegmentBooks } from '../../../../src/contract/books.ts';
import type { SealedSegment } from '../../../../src/contract/segment.ts';
import { LetterDesk } from '../../../../src/pipeline/spool/letter_desk.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { seededRandom } from '../../../support/seeded_random.ts';
import { until } from '../../../support/until.ts';
import { blockOf, DATA_DIR, Held, rowOf } from './fixtures.ts';

const SEEDS = [1, 2, 3, 4];
const REJECTION = { code: '469', message: 'Constraint `c` is violated' };
const LOOK_MS = 1_000;
const MARK_MS_MAX = 2_000;

class Told implements SegmentBooks {
  readonly lines: string[] = [];
  failures = 0;
  split = NO_BOOKS.split;

  async deadLettered({ id }: SealedSegment, move_file: () => Promise<void>): Promise<void> {
    await this.tell(`dead ${id.slice(-2)}`, move_file);
  }

  async replayed({ id }: SealedSegment, move_file: () => Promise<void>): Promise<void> {
    await this.tell(`replayed ${id.slice(-2)}`, move_file);
  }

  private async tell(line: string, move_file: () => Promise<void>): Promise<void> {
    this.lines.push(line);
    if (this.failures-- > 0) throw new Error('the books cannot be written');
    await move_file();
  }
}

async function oneRow(label = 'poison', fs = new MemoryFs()): Promise<{ fs: MemoryFs; held: Held; segment: SealedSegment }> {
  const held = await new Held(fs).start();
  await held.spool.append(blockOf([rowOf(label, 'red')]));
  await held.spool.sealAll();
  return { fs, held, segment: await held.spool.takeToken(held.announced[0]) };
}

function returnedOf(held: Held): SealedSegment[] {
  const returned: SealedSegment[] = [];
  held.spool.onReturned((segment) => returned.push(segment));
  return returned;
}

async function mark(fs: MemoryFs): Promise<number> {
  const desk = new LetterDesk(fs, DATA_DIR);
  return desk.mark(await desk.list());
}

test('a row that is given up leaves the queue with its tokens, and its description holds all of it', async () => {
  const long = `${'é'.repeat(100_000)}\n\u0000`;
  const { fs, held, segment } = await oneRow(long);
  await held.spool.deadLetter(segment, REJECTION);
  const { sealed_segments, spool_bytes, dead_letters } = held.spool.stats();
  assert.deepEqual({ sealed_segments, spool_bytes, dead_letters }, { sealed_segments: 0, spool_bytes: 0, dead_letters: { events: 1 } });
  const desk = new LetterDesk(fs, DATA_DIR);
  const [entry] = await desk.list();
  assert.deepEqual(entry && { id: entry.id, place: entry.place, table: entry.table }, {
    id: segment.id,
    place: 'rejected',
    table: 'events',
  });
  const description = entry && (await desk.describe(entry));
  assert.deepEqual(description, {
    segment: segment.id,
    table: 'events',
    source: 'test',
    reason: REJECTION,
    rejected_at: '2023-11-14T22:13:20.000Z',
    received_at: '2023-11-14T22:13:20.000Z',
    content: {
      name: long,
      color: 'red',
      time: '2023-11-14T22:13:20.123Z',
      size: `${long.length}`,
      id: description?.content['id'],
      note: `{"a":"${long}"}`,
    },
  });
  assert.match(description?.content['id'] ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  await held.reopen(fs.kill());
});

test('a letter that is marked is back in the queue within two seconds, as the same segment, and is gone once delivered', async () => {
  const { fs, held, segment } = await oneRow();
  const returned = returnedOf(held);
  await held.spool.deadLetter(segment, REJECTION);
  const desk = new LetterDesk(fs, DATA_DIR);
  const letters = await desk.list();
  assert.equal(await mark(fs), 1);
  assert.deepEqual(await desk.places(letters), ['marked']);
  held.clock.advance(LOOK_MS);
  await until('the letter is back', MARK_MS_MAX, () => returned.length === 1);
  assert.deepEqual(returned, [segment]);
  assert.deepEqual(await desk.places(letters), ['queued']);
  assert.deepEqual(held.spool.stats().dead_letters, { events: 0 });
  assert.equal((await held.nativeOf(returned[0])).rows.length, 1);
  await held.spool.retire(returned[0]);
  assert.deepEqual(await desk.places(letters), ['delivered']);
  assert.deepEqual(
    fs.paths().filter((path) => !path.startsWith(`${DATA_DIR}/ledger/`)),
    [],
  );
});

test('a letter that is rejected again is a letter again, with the new reason', async () => {
  const { fs, held, segment } = await oneRow();
  const returned = returnedOf(held);
  await held.spool.deadLetter(segment, REJECTION);
  await mark(fs);
  held.clock.advance(LOOK_MS);
  await until('the letter is back', MARK_MS_MAX, () => returned.length === 1);
  await held.spool.deadLetter(returned[0], { code: '53', message: 'another' });
  const desk = new LetterDesk(fs, DATA_DIR);
  const [entry] = await desk.list();
  assert.equal(entry?.place, 'rejected');
  assert.deepEqual(entry && (await desk.describe(entry))?.reason, { code: '53', message: 'another' });
  assert.deepEqual(held.spool.stats().dead_letters, { events: 1 });
});

test('of two that mark one letter at the same time, one does', async () => {
  const { fs, held, segment } = await oneRow();
  await held.spool.deadLetter(segment, REJECTION);
  const desk = new LetterDesk(fs, DATA_DIR);
  const letters = await desk.list();
  const marked = await Promise.all([desk.mark(letters), desk.mark(letters)]);
  assert.deepEqual(marked.sort(), [0, 1]);
});

test('letters that are marked while no daemon runs are in the queue of the next one', async () => {
  const { fs, held, segment } = await oneRow();
  await held.spool.deadLetter(segment, REJECTION);
  const after_fs = fs.kill();
  await mark(after_fs);
  const after = await held.reopen(after_fs);
  const returned = returnedOf(after);
  after.clock.advance(LOOK_MS);
  await until('the letter is back', MARK_MS_MAX, () => returned.length === 1);
  assert.deepEqual(returned, [segment]);
});

test('no more letters are in the queue at a time than the bound, and a damaged one is quarantined', async () => {
  const held = await new Held().start();
  const returned = returnedOf(held);
  for (let letter = 0; letter < 260; letter++) {
    await held.spool.append(blockOf([rowOf(`row ${letter}`)]));
    await held.spool.sealAll();
    await held.spool.deadLetter(held.announced[letter], REJECTION);
  }
  const first = held.fs.paths().find((path) => path.endsWith('.sealed')) ?? '';
  const content = held.fs.contentOf(first);
  content.fill(0);
  await mark(held.fs);
  held.clock.advance(LOOK_MS);
  await until('the queue is as full as may be', MARK_MS_MAX, () => returned.length === 256);
  await held.spool.retire(returned[0]);
  held.clock.advance(LOOK_MS);
  await until('there is room for one more', MARK_MS_MAX, () => returned.length === 257);
  assert.ok(held.fs.paths().some((path) => path.startsWith(`${DATA_DIR}/quarantine/`)));
});

/** Runs `act` with a crash at each of its steps, by death of the process and of the machine, and looks at what is left. */
async function atEveryStep(
  prepare: () => Promise<{ fs: MemoryFs; held: Held; act: () => Promise<unknown> }>,
  look: (after: Held, step: number) => Promise<void>,
): Promise<number> {
  let steps = 0;
  const counted = await prepare();
  counted.fs.fault = () => {
    steps++;
    return undefined;
  };
  await counted.act();
  for (let step = 0; step <= steps; step++) {
    for (const seed of [undefined, ...SEEDS]) {
      const { fs, held, act } = await prepare();
      let left = step;
      fs.fault = () => (left-- <= 0 ? 'EIO' : undefined);
      await act().catch(() => undefined);
      await look(await held.reopen(seed === undefined ? fs.kill() : fs.crash(seededRandom(seed))), step);
    }
  }
  return steps;
}

test('a crash at any step of giving a row up leaves it in the queue or among the letters, and it can go on from there', async () => {
  let in_queue = 0;
  const steps = await atEveryStep(
    async () => {
      const { fs, held, segment } = await oneRow();
      return { fs, held, act: () => held.spool.deadLetter(segment, REJECTION) };
    },
    async (after, step) => {
      const letters = after.spool.stats().dead_letters['events'] ?? 0;
      assert.equal(after.announced.length + letters, 1, `step ${step}`);
      for (const segment of after.announced) {
        in_queue++;
        assert.equal(segment.tokens, 1);
        await after.spool.deadLetter(segment, REJECTION);
      }
      const desk = new LetterDesk(after.fs, DATA_DIR);
      const [entry] = await desk.list();
      assert.equal(entry?.place, 'rejected');
      assert.equal(entry && (await desk.describe(entry))?.content['name'], 'poison');
    },
  );
  assert.ok(steps > 5 && in_queue > 0);
});

test('a crash at any step of a replay leaves the row marked or in the queue, once', async () => {
  const seen = new Set<string>();
  await atEveryStep(
    async () => {
      const { fs, held, segment } = await oneRow();
      await held.spool.deadLetter(segment, REJECTION);
      const act = async (): Promise<void> => {
        const returned = returnedOf(held);
        await mark(fs);
        held.clock.advance(LOOK_MS);
        await until(
          'the letter is back or the disk has failed',
          MARK_MS_MAX,
          () => returned.length > 0 || held.incidents.names.includes('replay_failed'),
        );
      };
      return { fs, held, act };
    },
    async (after, step) => {
      const letters = after.spool.stats().dead_letters['events'] ?? 0;
      assert.equal(after.announced.length + letters, 1, `step ${step}`);
      const [entry] = await new LetterDesk(after.fs, DATA_DIR).list();
      seen.add(entry?.place ?? 'gone');
      assert.equal(entry?.place === 'queued', after.announced.length === 1, `step ${step}`);
    },
  );
  assert.deepEqual([...seen].sort(), ['marked', 'queued', 'rejected']);
});

test('a disk that fails while a letter comes back loses nothing of it: it comes when the disk is well', async () => {
  for (const operation of ['list', 'open', 'read', 'rename', 'syncDirectory']) {
    const { fs, held, segment } = await oneRow();
    const returned = returnedOf(held);
    await held.spool.deadLetter(segment, REJECTION);
    await mark(fs);
    let left = 1;
    fs.fault = (happening, path) => (happening === operation && !path.includes('probe') && left-- > 0 ? 'EIO' : undefined);
    held.clock.advance(LOOK_MS);
    await until(`${operation} has failed`, MARK_MS_MAX, () => held.incidents.names.includes('replay_failed'));
    await until('the letter is back', MARK_MS_MAX, () => {
      held.clock.advance(LOOK_MS);
      return returned.length === 1;
    });
    await held.spool.close();
  }
});

test('the books hear of each letter and each return, again when they failed, and nothing moves without them', async () => {
  const told = new Told();
  const fs = new MemoryFs();
  const held = await (await oneRow('a', fs)).held.reopen(fs.kill(), undefined, told);
  const returned = returnedOf(held);
  told.failures = 1;
  await assert.rejects(held.spool.deadLetter(held.announced[0], REJECTION), /cannot be written/);
  assert.ok(held.fs.paths().some((path) => path.includes('/spool/')));
  await held.spool.deadLetter(held.announced[0], REJECTION);
  await mark(held.fs);
  told.failures = 1;
  held.clock.advance(LOOK_MS);
  await until('the books failed', MARK_MS_MAX, () => held.incidents.names.includes('replay_failed'));
  assert.equal(returned.length, 0);
  held.clock.advance(LOOK_MS);
  await until('the letter is back', MARK_MS_MAX, () => returned.length === 1);
  assert.deepEqual(told.lines, ['dead 01', 'dead 01', 'replayed 01', 'replayed 01']);
});

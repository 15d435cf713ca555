/** Segments that ClickHouse refuses: searched for their bad rows, bounded in work and files, while the table goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SinkFailure } from '../../../../src/contract/sink.ts';
import { failing, ROWS, rejectRows, sealed, segmentOf, type World, world } from './fakes.ts';

const HOUR_MS = 3_600_000;
const NO_ANSWER = new SinkFailure('connection reset', true, 'retry', 'ECONNRESET');

function addRows({ sink, delivery }: World, id: string, sequence: number, rows: number): void {
  sink.sizes.set(id, rows);
  delivery.add(sealed(id, sequence, { rows }));
}

/** Rows that ClickHouse has of a segment and of all that was cut out of it. */
function rowsOf({ sink }: World, root: string): number {
  return [...sink.rows].reduce((sum, [id, rows]) => (id.startsWith(root) ? sum + rows : sum), 0);
}

test('of a thousand rows the bad one is given up, and the others go in once each', async () => {
  const made = world();
  rejectRows(made, (_, row) => row === 417);
  addRows(made, 'a', 1, 1_000);
  await made.clock.advance(1_000);
  assert.deepEqual(made.segments.letters, [417]);
  assert.equal(rowsOf(made, 'a'), 999);
  assert.ok(made.sink.inserts.length <= 2 * Math.ceil(Math.log2(1_000)) + 1, `${made.sink.inserts.length} INSERTs`);
  const figures = made.delivery.figures();
  assert.deepEqual([figures.segments, figures.rows, figures.parked_segments], [0, 0, 0]);
});

test('the search holds up the others of the table by one INSERT at a time', async () => {
  const made = world();
  rejectRows(made, (segment, row) => segment === 'a' && row === 0);
  addRows(made, 'a', 1, 1_000);
  for (let index = 2; index <= 12; index++) addRows(made, `b${index}`, index, 5);
  await made.clock.advance(1_000);
  const of_search = made.sink.inserts.map((request) => segmentOf(request).startsWith('a'));
  for (let at = 1; at < 20; at += 2) assert.deepEqual([of_search[at], of_search[at + 1]], [true, false].reverse(), `INSERT ${at}`);
  assert.equal(rowsOf(made, 'b'), 55);
  assert.deepEqual(made.segments.letters, [0]);
});

test('however the bad rows lie, they and only they are given up', async () => {
  const made = world({ letters_in_a_row_max: 1_000 });
  const bad = new Set([0, 1, 2, 63, 64, 65, 500, 501, 998, 999]);
  rejectRows(made, (_, row) => bad.has(row));
  addRows(made, 'a', 1, 1_000);
  await made.clock.advance(1_000);
  assert.deepEqual(new Set(made.segments.letters), bad);
  assert.equal(made.segments.letters.length, bad.size);
  assert.equal(rowsOf(made, 'a'), 990);
});

test('half a million bad rows cost a bounded number of INSERTs and files, and go in when the table takes them', async () => {
  const made = world({ letters_in_a_row_max: 20, parked_retry_ms: 600_000 });
  let is_bad = true;
  rejectRows(made, () => is_bad);
  addRows(made, 'a', 1, 500_000);
  await made.clock.advance(HOUR_MS);
  assert.equal(made.segments.letters.length, 20);
  assert.ok(made.sink.inserts.length < 100, `${made.sink.inserts.length} INSERTs`);
  const lane = made.delivery.figures().tables[0];
  assert.ok(lane !== undefined && lane.segments < 25, `${lane?.segments} files`);
  assert.equal(lane.parked_segments, lane.segments);
  assert.match(lane.parked_reason ?? '', /is bad/);
  is_bad = false;
  await made.clock.advance(HOUR_MS);
  assert.equal(rowsOf(made, 'a'), 500_000 - 20);
  assert.equal(made.delivery.figures().segments, 0);
});

test('many bad rows among good ones are given up at a bounded rate, and no good one with them', async () => {
  const made = world({ letters_burst: 50, letter_refill_ms: 1_000, parked_retry_ms: 10_000 });
  rejectRows(made, (segment, row) => segment === 'a' && row % 2 === 1);
  addRows(made, 'a', 1, 1_000);
  await made.clock.advance(100_000);
  assert.ok(made.segments.letters.length <= 151, `${made.segments.letters.length} letters in 100 s`);
  await made.clock.advance(HOUR_MS);
  assert.equal(made.segments.letters.length, 500);
  assert.ok(made.segments.letters.every((row) => row % 2 === 1));
  assert.equal(rowsOf(made, 'a'), 500);
});

test('when nothing of the table goes in, segments step aside up to the bound, the table pauses, and goes on by itself', async () => {
  const made = world({ parked_max: 2, letters_in_a_row_max: 1, parked_retry_ms: 100_000_000, probe_ms: 10_000 });
  let is_bad = true;
  rejectRows(made, () => is_bad);
  for (let index = 1; index <= 5; index++) addRows(made, `s${index}`, index, 10);
  await made.clock.advance(100_000);
  assert.equal(made.segments.letters.length, 1);
  const lane = made.delivery.figures().tables[0];
  assert.equal(lane?.state, 'paused');
  assert.match(lane?.last_failure?.message ?? '', /is bad/);
  assert.ok(made.sink.inserts.length < 40, `${made.sink.inserts.length} INSERTs in 100 s`);
  is_bad = false;
  await made.clock.advance(15_000);
  assert.equal(made.delivery.figures().segments, 0);
  assert.equal(rowsOf(made, 's'), 49);
});

test('when every segment has a bad row, the searches come to their ends and the backlog drains', async () => {
  const made = world({ parked_max: 5 });
  rejectRows(made, (_, row) => row === 77);
  for (let index = 1; index <= 50; index++) addRows(made, `s${index}:`, index, 100);
  await made.clock.advance(10_000);
  assert.equal(made.segments.letters.length, 50);
  assert.equal(made.delivery.figures().segments, 0);
  assert.equal(rowsOf(made, 's'), 50 * 99);
});

test('a block with more rows than the server allows is cut until it fits, and nothing is given up', async () => {
  const made = world({ shrink_tries: 3, retry_ms_max: 1_000 });
  made.sink.usual = (request) => {
    const rows = made.sink.sizes.get(segmentOf(request)) ?? ROWS;
    if (rows > 100) throw new SinkFailure('too many rows', true, 'shrink', '158');
    made.sink.commit(request);
  };
  addRows(made, 'a', 1, 1_000);
  await made.clock.advance(60_000);
  assert.equal(rowsOf(made, 'a'), 1_000);
  assert.deepEqual(made.segments.letters, []);
  assert.equal(made.sink.inserts.filter((request) => segmentOf(request) === 'a').length, 3, 'at first it may be the moment');
});

test('a lack of memory never gives a row up: it is tried again until there is some, and few files are made meanwhile', async () => {
  const made = world({ shrink_tries: 2, retry_ms_max: 1_000 });
  const out_of_memory = failing('shrink', true, '241');
  made.sink.usual = out_of_memory;
  addRows(made, 'a', 1, 1_000);
  await made.clock.advance(HOUR_MS);
  const { segments } = made.delivery.figures();
  assert.ok(segments <= 11, `${segments} files`);
  assert.deepEqual(made.segments.letters, []);
  made.sink.usual = (request) => made.sink.commit(request);
  await made.clock.advance(60_000);
  assert.equal(rowsOf(made, 'a'), 1_000);
});

test('a segment is not split while an earlier try, whose end nobody saw, may still start; the table goes on', async () => {
  const made = world({ settle_ms: 60_000 });
  made.sink.script.push(
    () => {
      throw NO_ANSWER;
    },
    failing('dead_letter', true, '469'),
  );
  addRows(made, 'a', 1, ROWS);
  addRows(made, 'b', 2, ROWS);
  await made.clock.advance(50_000);
  assert.deepEqual(made.segments.done('split'), []);
  assert.deepEqual(made.segments.done('retire'), ['b']);
  await made.clock.advance(20_000);
  assert.deepEqual(made.segments.done('split'), ['a']);
  assert.equal(rowsOf(made, 'a'), ROWS);
});

test('an earlier try that came through while the segment waited is found, and nothing is split', async () => {
  const made = world({ settle_ms: 60_000 });
  made.sink.script.push(
    () => {
      throw NO_ANSWER;
    },
    failing('dead_letter', true, '469'),
  );
  addRows(made, 'a', 1, ROWS);
  await made.clock.advance(30_000);
  made.sink.rows.set('a', ROWS);
  await made.clock.advance(60_000);
  assert.deepEqual(made.segments.done('split'), []);
  assert.deepEqual(made.segments.done('retire'), ['a']);
});

test('a segment that an earlier process sent waits as long before it is split', async () => {
  const made = world({ settle_ms: 60_000 });
  made.sink.script.push(failing('dead_letter', true, '469'));
  made.delivery.add(sealed('a', 1, { tokens: 1 }));
  await made.clock.advance(50_000);
  assert.deepEqual(made.segments.done('split'), []);
  await made.clock.advance(20_000);
  assert.deepEqual(made.segments.done('split'), ['a']);
});

test('a disk without room for the halves holds up nothing else, and the split is done when there is', async () => {
  const made = world({ retry_ms_max: 1_000 });
  rejectRows(made, (segment, row) => segment === 'a' && row === 3);
  for (let failure = 0; failure < 5; failure++) made.segments.failures.split.push(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }));
  made.segments.failures.deadLetter.push(Object.assign(new Error('EIO'), { code: 'EIO' }));
  addRows(made, 'a', 1, ROWS);
  addRows(made, 'b', 2, ROWS);
  await made.clock.advance(0);
  assert.deepEqual(made.segments.done('retire'), ['b']);
  await made.clock.advance(60_000);
  assert.deepEqual(made.segments.letters, [3]);
  assert.equal(rowsOf(made, 'a'), ROWS - 1);
  assert.equal(made.sink.inserts.filter((request) => segmentOf(request) === 'a').length, 1, 'it is not sent again in between');
});

test('a dead letter that comes back goes in once, asked for first, and before a long backlog', async () => {
  const made = world();
  made.sink.sizes.set('old', 1);
  for (let index = 10; index <= 30; index++) made.delivery.add(sealed(`b${index}`, index));
  made.delivery.addReturned(sealed('old', 1, { rows: 1, tokens: 1 }));
  await made.clock.advance(0);
  assert.deepEqual(
    made.segments.log.filter((line) => line.endsWith(' old')),
    ['open old', 'retire old'],
  );
  assert.ok(made.sink.questions > 0);
  assert.ok(made.segments.done('retire').indexOf('old') <= 2);
});

test('a dead letter that is rejected again comes back at once, whatever may be given up otherwise', async () => {
  const made = world({ letters_burst: 1, letters_in_a_row_max: 1, letter_refill_ms: HOUR_MS });
  rejectRows(made, () => true);
  for (let index = 1; index <= 5; index++) {
    made.sink.sizes.set(`old${index}`, 1);
    made.delivery.addReturned(sealed(`old${index}`, index, { rows: 1, tokens: 1 }));
  }
  await made.clock.advance(1_000);
  assert.equal(made.segments.letters.length, 5);
  assert.equal(made.delivery.figures().segments, 0);
});

test('pieces of a segment that a crash interrupted are delivered in its place', async () => {
  const made = world();
  const piece = (id: string, first_row: number) => sealed(id, 1, { origin: { parent: 'a', root: 'a', first_row } });
  made.delivery.add(piece('a0', 0));
  made.delivery.add(piece('a1', ROWS));
  made.delivery.add(sealed('b', 2));
  await made.clock.advance(0);
  assert.deepEqual(made.segments.done('retire'), ['a0', 'a1', 'b']);
});

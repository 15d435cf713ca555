/** Order, retries, pauses, bounds, flush and figures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../../../../src/contract/errors.ts';
import { failing, gate, quiet, ROWS, sealed, world } from './fakes.ts';

test('segments of a table go in by the order of sealing, one at a time', async () => {
  const { clock, sink, delivery } = world();
  const first = gate();
  sink.script.push(first.behaviour((request) => sink.commit(request)));
  for (const [index, id] of ['a', 'b', 'c'].entries()) delivery.add(sealed(id, index + 1));
  await clock.advance(0);
  assert.deepEqual(sink.tokensSent(), ['a']);
  first.open();
  await clock.advance(0);
  assert.deepEqual(sink.tokensSent(), ['a', 'b', 'c']);
});

test('a segment that was sealed late goes before the later ones that still wait', async () => {
  const { clock, sink, delivery } = world();
  const first = gate();
  sink.script.push(first.behaviour((request) => sink.commit(request)));
  for (const [id, sequence] of [
    ['c', 3],
    ['e', 5],
    ['d', 4],
    ['a', 1],
  ] as const)
    delivery.add(sealed(id, sequence));
  await clock.advance(0);
  first.open();
  await clock.advance(0);
  assert.deepEqual(sink.tokensSent(), ['c', 'a', 'd', 'e']);
});

test('no more INSERTs are under way than the bound allows, and every table gets its turn', async () => {
  const { clock, sink, segments, delivery } = world({ concurrency: 2 });
  const held = gate();
  for (let table = 0; table < 5; table++) {
    sink.script.push(held.behaviour((request) => sink.commit(request)));
    delivery.add(sealed(`s${table}`, 1, { table: `t${table}` }));
  }
  await clock.advance(0);
  assert.equal(sink.under_way, 2);
  held.open();
  await clock.advance(0);
  assert.equal(sink.under_way_max, 2);
  assert.equal(segments.done('retire').length, 5);
});

test('a table that waits for its next try holds up no other', async () => {
  const { clock, sink, segments, delivery } = world({ concurrency: 1 });
  sink.script.push(failing('retry', false));
  delivery.add(sealed('slow', 1, { table: 'one' }));
  await clock.advance(0);
  delivery.add(sealed('quick', 1, { table: 'other' }));
  await clock.advance(0);
  assert.deepEqual(segments.done('retire'), ['quick']);
});

test('while ClickHouse is away the waits grow to their bound, and on its return the backlog drains in order', async () => {
  const { clock, sink, segments, delivery } = world({ retry_ms_min: 100, retry_ms_max: 10_000 });
  for (let failure = 0; failure < 1_000; failure++) sink.script.push(failing('retry', false, 'ECONNREFUSED'));
  for (let index = 1; index <= 50; index++) delivery.add(sealed(`s${index}`, index));
  await clock.advance(3_600_000);
  const tries = sink.inserts.length;
  assert.ok(tries > 360 && tries < 400, `${tries} tries in an hour`);
  const figures = delivery.figures();
  assert.equal(figures.tables[0]?.state, 'retrying');
  assert.equal(figures.tables[0]?.last_failure?.code, 'ECONNREFUSED');
  assert.equal(figures.segments, 50);
  assert.equal(figures.oldest_received_at_ms, 1_001);
  sink.script.length = 0;
  await clock.advance(20_000);
  assert.deepEqual(
    segments.done('retire'),
    Array.from({ length: 50 }, (_, index) => `s${index + 1}`),
  );
  assert.equal(delivery.figures().tables[0]?.state, 'idle');
});

test('a failure that needs somebody pauses the table, names the error, probes slowly and recovers by itself', async () => {
  const { clock, sink, segments, delivery, events } = world({ probe_ms: 10_000 });
  for (let failure = 0; failure < 1_000; failure++) sink.script.push(failing('pause', false, '60'));
  delivery.add(sealed('a', 1));
  await clock.advance(100_000);
  assert.ok(sink.inserts.length <= 21, `${sink.inserts.length} probes in 100 s`);
  const lane = delivery.figures().tables[0];
  assert.equal(lane?.state, 'paused');
  assert.equal(lane?.last_failure?.code, '60');
  sink.script.length = 0;
  await clock.advance(10_000);
  assert.deepEqual(segments.done('retire'), ['a']);
  assert.deepEqual(events.slice(-2), ['delivered:a', 'deploy_events:idle']);
  assert.equal(delivery.figures().tables[0]?.last_failure, undefined);
});

test('a rejected segment whose INSERT is in doubt is counted before it is split', async () => {
  const { clock, sink, segments, delivery } = world();
  sink.script.push((request) => {
    sink.commit(request);
    return failing('dead_letter', true, '6')(request);
  });
  delivery.add(sealed('a', 1));
  await clock.advance(1_000);
  assert.equal(delivery.figures().parked_segments, 0);
  assert.deepEqual(segments.done('retire'), ['a'], 'it was a view that failed, after the part was in');
});

test('a damaged segment is quarantined without being sent, and the table goes on', async () => {
  const { clock, sink, segments, delivery, events } = world();
  segments.failures.open.push(new OperatingError('segment_corrupt', { segment: 'bad', problem: 'checksum', path: 'q' }));
  delivery.add(sealed('bad', 1));
  delivery.add(sealed('good', 2));
  await clock.advance(0);
  assert.deepEqual(sink.tokensSent(), ['good']);
  assert.deepEqual(segments.log, ['quarantine bad', 'open good', 'takeToken good', 'retire good']);
  assert.ok(events.includes('quarantined:bad'));
  assert.equal(delivery.figures().quarantined_segments, 1);
});

test('a file that cannot be read, marked, or moved away is tried again, and the rows go in once', async () => {
  const { clock, sink, segments, delivery } = world();
  const disk = (): Error => Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  segments.failures.open.push(disk());
  segments.failures.takeToken.push(disk());
  segments.failures.retire.push(disk(), disk());
  delivery.add(sealed('a', 1));
  await clock.advance(60_000);
  assert.equal(sink.inserts.length, 1);
  assert.deepEqual(segments.done('retire'), ['a']);
  assert.equal(delivery.figures().failures.retry, 4);
  assert.equal(delivery.figures().delivered_rows, ROWS);
});

test('a quarantine that fails is tried again', async () => {
  const { clock, segments, delivery } = world();
  segments.failures.open.push(new OperatingError('segment_corrupt', { segment: 'bad', problem: 'checksum', path: 'q' }));
  segments.failures.quarantine.push(Object.assign(new Error('EACCES'), { code: 'EACCES' }));
  delivery.add(sealed('bad', 1));
  await clock.advance(10_000);
  assert.deepEqual(segments.done('quarantine'), ['bad']);
  assert.equal(delivery.figures().segments, 0);
});

test('flush ends when everything is in', async () => {
  const { clock, sink, delivery } = world();
  const held = gate();
  sink.script.push(held.behaviour((request) => sink.commit(request)));
  delivery.add(sealed('a', 1));
  delivery.add(sealed('b', 2));
  const flushed = delivery.flush(5_000);
  await clock.advance(1_000);
  held.open();
  await clock.advance(0);
  assert.equal(await flushed, true);
});

test('flush ends at its deadline with what could not go in', async () => {
  const { clock, sink, delivery } = world();
  for (let failure = 0; failure < 100; failure++) sink.script.push(failing('retry', false));
  delivery.add(sealed('a', 1));
  const flushed = delivery.flush(5_000);
  await clock.advance(5_000);
  assert.equal(await flushed, false);
  assert.equal(delivery.figures().segments, 1);
});

test('flush tries at once what waits for its next try, and waits for nothing that stepped aside', async () => {
  const { clock, sink, segments, delivery } = world({ probe_ms: 1_000_000, shrink_tries: 1 });
  sink.script.push(failing('shrink', false), failing('pause', false));
  delivery.add(sealed('big', 1, { rows: 1 }));
  delivery.add(sealed('a', 2));
  await clock.advance(0);
  assert.equal(delivery.figures().tables[0]?.state, 'paused');
  assert.equal(await delivery.flush(5_000), true);
  assert.deepEqual(segments.done('retire'), ['a']);
});

test('flush of nothing ends at once', async () => {
  const { delivery } = world();
  assert.equal(await delivery.flush(5_000), true);
});

test('after stop nothing is sent, and what waits stays in the figures', async () => {
  const { clock, sink, delivery } = world();
  sink.script.push(failing('retry', false));
  delivery.add(sealed('a', 1));
  await clock.advance(0);
  await delivery.stop();
  delivery.add(sealed('b', 2));
  delivery.start();
  await clock.advance(600_000);
  assert.equal(sink.inserts.length, 1, 'not even by a start that comes too late');
  assert.equal(delivery.figures().segments, 2);
});

test('figures count what was delivered, by segment and row', async () => {
  const { clock, delivery } = world();
  delivery.add(sealed('a', 1));
  delivery.add(sealed('b', 1, { table: 'other', rows: ROWS }));
  await clock.advance(0);
  const figures = delivery.figures();
  assert.equal(figures.delivered_segments, 2);
  assert.equal(figures.delivered_rows, 2 * ROWS);
  assert.equal(figures.inserts, 2);
  assert.equal(figures.segments, 0);
  assert.equal(figures.oldest_received_at_ms, undefined);
});

test('a backlog of many segments keeps its order', async () => {
  const { clock, sink, delivery } = world();
  for (let index = 1; index <= 3_000; index++) delivery.add(sealed(`s${index}`, index));
  const flushed = delivery.flush(1_000);
  for (let turn = 0; turn < 10_000 && delivery.figures().segments > 0; turn++) await quiet();
  assert.equal(await flushed, true);
  await clock.advance(0);
  assert.deepEqual(
    sink.tokensSent(),
    Array.from({ length: 3_000 }, (_, index) => `s${index + 1}`),
  );
});

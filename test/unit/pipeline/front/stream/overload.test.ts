import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, message, settle } from './fixtures.ts';

test('messages are told to come back while there is as much in hand as is worked off soon', async () => {
  const bench = new Bench();
  const { session, sent } = bench.connect();
  let others = 0;
  for (; !bench.work.isEnough(); others++) bench.work.enter(100_000);
  session.receive(message(1), false);
  await settle();
  assert.equal(bench.submitted.length, 0);
  assert.deepEqual(JSON.parse(sent[0]).error, 'overloaded');
  bench.work.leave(100_000, 50, bench.clock.monotonicMs());
  session.receive(message(2), false);
  assert.equal(bench.submitted.length, 1);
  assert.equal(others > 1, true);
});

test('each message is work in hand until its fate is known', () => {
  const bench = new Bench();
  for (let connection = 0; connection < 3; connection++) bench.connect().session.receive(Buffer.from('1'), false);
  while (!bench.work.isEnough()) bench.work.enter(0);
  bench.submission(0).counted(1, 0);
  assert.equal(bench.work.isEnough(), false);
  bench.work.enter(1);
  bench.submission(1).failed('spool_full');
  bench.submission(2).failed('not_json');
  assert.deepEqual([bench.in_flight, bench.budget.used(), bench.worked_off_bytes], [0, 0, 2]);
});

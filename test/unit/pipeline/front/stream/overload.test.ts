import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, message, settle } from './fixtures.ts';

test('messages are told to come back while dozens of other connections have waited too long', async () => {
  const bench = new Bench();
  const { session, sent } = bench.connect();
  for (let connection = 0; connection < 31; connection++) bench.connect().session.receive(Buffer.from('1'), false);
  session.receive(Buffer.from('1'), false);
  bench.clock.advance(200);
  session.receive(message(2), false);
  await settle();
  assert.equal(bench.submitted.length, 32);
  assert.deepEqual(JSON.parse(sent[0]).error, 'overloaded');
  bench.submission(0).counted(1, 0);
  session.receive(message(3), false);
  assert.equal(bench.submitted.length, 33);
  for (const [index, { submission }] of bench.submitted.entries()) {
    if (index > 0) submission.failed(index === 1 ? 'spool_full' : 'not_json');
  }
  assert.deepEqual([bench.in_flight, bench.budget.used(), bench.worked_off_bytes], [0, 0, 31 + message(3).length]);
  assert.equal(bench.overdue.areTooMany(bench.clock.monotonicMs()), false);
});

test('a connection waits once, however many its messages, and anew from each answer', async () => {
  const bench = new Bench();
  const { session } = bench.connect();
  for (let connection = 0; connection < 32; connection++) {
    const other = bench.connect().session;
    for (const seq of connection < 28 ? [1, 2] : [1]) other.receive(Buffer.from(String(seq)), false);
  }
  bench.clock.advance(90);
  bench.submission(0).counted(1, 0);
  bench.clock.advance(90);
  const { length } = bench.submitted;
  session.receive(message(1), false);
  assert.equal(bench.submitted.length, length + 1, 'one of them had an answer within the time');
  bench.clock.advance(20);
  session.receive(message(2), false);
  assert.equal(bench.submitted.length, length + 1, 'the same long after its answer');
});

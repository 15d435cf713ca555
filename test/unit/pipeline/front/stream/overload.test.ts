import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, message, settle } from './fixtures.ts';

test('messages are told to come back while dozens of others, of any connection, have waited too long', async () => {
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

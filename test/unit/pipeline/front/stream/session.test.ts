import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, LIMITS, message, settle, TENANT } from './fixtures.ts';

test('answers leave in the order in which they become known, those of one turn together', async () => {
  const bench = new Bench();
  const { session, sent, sends } = bench.connect();
  for (const seq of [1, 2, 3]) session.receive(message(seq), false);
  bench.submission(2).counted(1, 0);
  bench.submission(0).counted(0, 2);
  await settle();
  bench.submission(1).counted(3, 3);
  await settle();
  assert.deepEqual(sent, [
    '{"seq":3,"accepted":1,"rejected":0}',
    '{"seq":1,"accepted":0,"rejected":2}',
    '{"seq":2,"accepted":3,"rejected":3}',
  ]);
  assert.deepEqual(sends, [2, 1]);
  assert.deepEqual([bench.in_flight, bench.budget.used()], [0, 0]);
});

test('an error is told with its code, and with when to come back if that can help', async () => {
  const bench = new Bench();
  const { session, sent } = bench.connect();
  session.receive(message(1), false);
  session.receive(message(2), false);
  bench.submission(0).failed('not_json');
  bench.submission(1).failed('overloaded');
  await settle();
  assert.deepEqual(
    sent.map((text) => JSON.parse(text)),
    [
      { seq: 1, error: 'not_json', message: 'The body is not valid JSON. Send one JSON object in UTF-8.' },
      {
        seq: 2,
        error: 'overloaded',
        message: 'The server has as much in hand as it can hold. Retry after the time in retry_after_ms.',
        retry_after_ms: 2000,
      },
    ],
  );
  assert.deepEqual(bench.fates, ['refused', 'deferred']);
});

test('a message beyond the window is deferred and not submitted, by number and by bytes', async () => {
  const bench = new Bench();
  const { session, sent } = bench.connect();
  for (const seq of [1, 2, 3, 4]) session.receive(message(seq), false);
  await settle();
  assert.match(sent[0] ?? '', /^\{"seq":4,"error":"stream_window_exceeded"/);
  assert.equal(bench.submitted.length, 3);
  for (const { submission } of bench.submitted) submission.counted(1, 0);
  session.receive(message(5, 'x'.repeat(70)), false);
  session.receive(message(6, 'x'.repeat(70)), false);
  await settle();
  assert.match(sent.at(-1) ?? '', /^\{"seq":6,"error":"stream_window_exceeded"/);
});

test('who sends a whole window beyond the window is ended with 1008', () => {
  const bench = new Bench();
  const { session, ends } = bench.connect();
  for (let seq = 1; seq <= 3 + LIMITS.window_messages; seq++) session.receive(message(seq), false);
  assert.deepEqual(ends, []);
  session.receive(message(9), false);
  assert.deepEqual(ends, ['1008 no more than 3 messages may wait for an answer']);
});

test('what does not fit the budget of the process is deferred', async () => {
  const bench = new Bench();
  bench.budget.take(195);
  const { session, sent } = bench.connect();
  session.receive(message(1), false);
  await settle();
  assert.match(sent[0] ?? '', /^\{"seq":1,"error":"overloaded".*"retry_after_ms":2000\}$/);
  assert.equal(bench.budget.used(), 195);
});

test('a message too large ends the connection with 1009', () => {
  const bench = new Bench();
  const { session, ends } = bench.connect();
  session.receive(message(1, 'x'.repeat(100)), false);
  assert.deepEqual(ends, ['1009 a message may have 100 bytes']);
  assert.equal(bench.submitted.length, 0);
});

test('draining answers what is in hand, refuses what comes, and then ends with 1012 and when to come back', async () => {
  const bench = new Bench();
  const { session, sent, ends } = bench.connect();
  session.receive(message(1), false);
  session.drain();
  session.receive(message(2), false);
  await settle();
  assert.deepEqual(ends, []);
  bench.submission(0).counted(1, 0);
  assert.deepEqual(ends, ['1012 {"retry_after_ms":2000}']);
  assert.match(sent[0] ?? '', /^\{"seq":2,"error":"shutting_down"/);
  assert.equal(sent[1], '{"seq":1,"accepted":1,"rejected":0}');
});

test('an idle session that drains ends at once', () => {
  const { session, ends } = new Bench().connect();
  session.drain();
  assert.deepEqual(ends, ['1012 {"retry_after_ms":2000}']);
});

test('of a lost connection nothing is answered, and the budget gets back what it gave', async () => {
  const bench = new Bench();
  const { session, sent } = bench.connect();
  session.receive(message(1), false);
  session.lost();
  assert.ok(bench.budget.used() > 0);
  bench.submission(0).counted(1, 0);
  await settle();
  assert.deepEqual([sent, bench.budget.used(), bench.in_flight], [[], 0, 0]);
});

test('a key that was revoked ends the connection within a second of messages', () => {
  const bench = new Bench();
  const { session, ends } = bench.connect();
  bench.key_counts = false;
  session.receive(message(1), false);
  assert.equal(bench.submitted.length, 1);
  bench.clock.advance(1000);
  session.receive(message(2), false);
  assert.deepEqual(ends, ['1008 the API key is not valid any more']);
});

test('a repeated seq is answered as the first time without being submitted, also while the first is under way', async () => {
  const bench = new Bench();
  const first = bench.connect(bench.book.open(TENANT, 'phone'));
  first.session.receive(message(1), false);
  first.session.lost();
  const second = bench.connect(bench.book.open(TENANT, 'phone'));
  second.session.receive(message(1), false);
  await settle();
  assert.deepEqual(second.sent, []);
  bench.submission(0).counted(2, 1);
  second.session.receive(message(1), false);
  await settle();
  assert.deepEqual(second.sent, ['{"seq":1,"accepted":2,"rejected":1}', '{"seq":1,"accepted":2,"rejected":1}']);
  assert.deepEqual([bench.submitted.length, bench.in_flight], [1, 0]);
});

test('a seq that failed may be tried again, one that stands for other bytes is refused', async () => {
  const bench = new Bench();
  const { session, sent } = bench.connect(bench.book.open(TENANT, 'phone'));
  session.receive(message(1), false);
  bench.submission(0).failed('spool_full', { spool_bytes: 1, spool_bytes_max: 1 });
  session.receive(message(1), false);
  bench.submission(1).counted(1, 0);
  session.receive(message(1, 'other'), false);
  await settle();
  assert.deepEqual(
    sent.map((text) => JSON.parse(text).error ?? 'counted'),
    ['spool_full', 'counted', 'stream_seq_reused'],
  );
});

test('only the last answers of a session are remembered, and sessions are forgotten when they are old or too many', async () => {
  const bench = new Bench();
  const { session } = bench.connect(bench.book.open(TENANT, 'phone'));
  for (const seq of [1, 2, 3, 4]) {
    session.receive(message(seq), false);
    bench.submission(seq - 1).counted(1, 0);
  }
  session.receive(message(2), false);
  assert.equal(bench.submitted.length, 4, 'a late one is remembered');
  session.receive(message(1), false);
  assert.equal(bench.submitted.length, 5, 'the first one is forgotten');
  assert.ok(bench.book.size() <= 5);
  for (let name = 0; name < 100; name++) bench.book.open(TENANT, `phone-${name}`);
  assert.equal(bench.book.size(), 20);
  bench.clock.advance(60_001);
  bench.book.open(TENANT, 'last');
  assert.equal(bench.book.size(), 1);
});

test('a session that was forgotten under a connection remembers nothing any more', () => {
  const bench = new Bench();
  const { session } = bench.connect(bench.book.open(TENANT, 'phone'));
  session.receive(message(1), false);
  for (let name = 0; name < 100; name++) bench.book.open(TENANT, `phone-${name}`);
  bench.submission(0).counted(1, 0);
  session.receive(message(1), false);
  assert.equal(bench.submitted.length, 2);
  assert.equal(bench.book.size(), 20);
});

test('a client that asks is told the limits before anything else', async () => {
  const { sent } = new Bench().connect(undefined, true);
  await settle();
  assert.deepEqual(sent, ['{"hello":{"window_messages":3,"window_bytes":150,"message_bytes_max":100}}']);
});

test('a message beyond its key’s limits is refused with a time to come back, and what is taken is charged', () => {
  const bench = new Bench();
  const charged: string[] = [];
  let is_in_debt = false;
  bench.meter = {
    refusal: () => (is_in_debt ? { code: 'rate_limited', limit: 5, unit: 'events per second', reset_s: 2, retry_after_s: 3 } : undefined),
    chargeBytes: (bytes) => charged.push(`${bytes} bytes`),
    chargeEvents: (events) => charged.push(`${events} events`),
  };
  const { session, sent } = bench.connect();
  session.receive(Buffer.from('{"seq":1}'), false);
  bench.submission(0).counted(2, 1);
  is_in_debt = true;
  session.receive(Buffer.from('{"seq":2}'), false);
  assert.deepEqual(charged, ['9 bytes', '3 events']);
  assert.equal(bench.submitted.length, 1);
  return Promise.resolve().then(() => {
    assert.match(sent.at(-1) ?? '', /^\{"seq":2,"error":"rate_limited",.*"retry_after_ms":3000\}$/);
  });
});

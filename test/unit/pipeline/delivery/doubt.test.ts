/** What happens to a segment when nobody knows whether its INSERT happened. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SinkFailure } from '../../../../src/contract/sink.ts';
import { failing, gate, ROWS, sealed, world } from './fakes.ts';

/** Of the longest window in which ClickHouse knows tokens there are seven. */
const DAY_MS = 86_400_000;
const NO_ANSWER = new SinkFailure('connection reset', true, 'retry', 'ECONNRESET');

test('a clean answer to the first INSERT is believed, and nothing is asked', async () => {
  const { clock, sink, segments, delivery } = world();
  delivery.add(sealed('a', 1));
  await clock.advance(0);
  assert.deepEqual(sink.tokensSent(), ['a']);
  assert.equal(sink.questions, 0);
  assert.deepEqual(segments.log, ['open a', 'takeToken a', 'retire a'], 'the token is durable before the segment is sent');
});

test('an INSERT that timed out after its commit is found by the count and not sent again', async () => {
  const { clock, sink, segments, delivery } = world();
  sink.script.push((request) => {
    sink.commit(request);
    throw NO_ANSWER;
  });
  delivery.add(sealed('a', 1));
  await clock.advance(1_000);
  assert.equal(sink.inserts.length, 1);
  assert.deepEqual(segments.done('retire'), ['a']);
  assert.equal(sink.rows.get('a'), ROWS);
});

test('an INSERT that never arrived is sent again under the same token, and then counted', async () => {
  const { clock, sink, segments, delivery } = world();
  sink.script.push(failing('retry', true));
  delivery.add(sealed('a', 1));
  await clock.advance(1_000);
  assert.deepEqual(sink.tokensSent(), ['a', 'a']);
  assert.equal(sink.questions, 2, 'before the second INSERT and after it');
  assert.deepEqual(segments.done('retire'), ['a']);
  assert.equal(sink.rows.get('a'), ROWS);
});

test('each try has a query id of its own that begins with the segment', async () => {
  const { clock, sink, delivery } = world();
  sink.script.push(failing('retry', true), failing('retry', true));
  delivery.add(sealed('a', 1));
  await clock.advance(5_000);
  const query_ids = sink.inserts.map((request) => request.query_id);
  assert.equal(new Set(query_ids).size, 3);
  assert.ok(query_ids.every((query_id) => query_id.startsWith('a.')));
});

test('a token that the server knows without its rows is given up only after the settling time, for a durable second one', async () => {
  const { clock, sink, segments, delivery } = world({ settle_ms: 60_000 });
  sink.script.push((request) => {
    sink.tokens.add(request.deduplication_token);
    throw NO_ANSWER;
  });
  delivery.add(sealed('a', 1));
  await clock.advance(59_000);
  assert.deepEqual(sink.tokensSent(), ['a', 'a'], 'the retry "succeeded" and left no rows');
  assert.deepEqual(segments.done('retire'), []);
  await clock.advance(2_000);
  assert.deepEqual(sink.tokensSent(), ['a', 'a', 'a/2']);
  assert.deepEqual(segments.done('takeToken'), ['a', 'a']);
  assert.deepEqual(segments.done('retire'), ['a']);
  assert.equal(sink.rows.get('a'), ROWS);
});

test('a first try that turns up during the settling time costs no second token', async () => {
  const { clock, sink, segments, delivery } = world({ settle_ms: 60_000 });
  sink.script.push((request) => {
    sink.tokens.add(request.deduplication_token);
    throw NO_ANSWER;
  });
  delivery.add(sealed('a', 1));
  await clock.advance(30_000);
  sink.rows.set('a', ROWS);
  await clock.advance(40_000);
  assert.deepEqual(sink.tokensSent(), ['a', 'a']);
  assert.deepEqual(segments.done('retire'), ['a']);
});

test('rows whose token has aged out of the window are found by the count and not sent again', async () => {
  const { clock, sink, segments, delivery } = world();
  sink.script.push((request) => {
    sink.commit(request);
    sink.tokens.clear();
    throw NO_ANSWER;
  });
  delivery.add(sealed('a', 1));
  await clock.advance(10_000);
  assert.equal(sink.inserts.length, 1, 'the token would not have held it back');
  assert.deepEqual(segments.done('retire'), ['a']);
  assert.equal(sink.rows.get('a'), ROWS);
});

for (const was_committed of [true, false]) {
  const fate = was_committed ? 'came through' : 'did not come through';
  test(`an outage longer than any window ends in every row once when the last INSERT before it ${fate}`, async () => {
    const { clock, sink, segments, delivery } = world();
    sink.script.push((request) => {
      if (was_committed) sink.commit(request);
      throw NO_ANSWER;
    });
    sink.question_failure = new SinkFailure('connection refused', false, 'retry', 'ECONNREFUSED');
    for (const [index, id] of ['a', 'b', 'c'].entries()) delivery.add(sealed(id, index + 1));
    await clock.advance(8 * DAY_MS);
    assert.equal(sink.inserts.length, 1, 'nothing is sent while nobody can say what happened');
    sink.tokens.clear();
    sink.question_failure = undefined;
    await clock.advance(60_000);
    assert.deepEqual(segments.done('retire'), ['a', 'b', 'c']);
    assert.deepEqual([...sink.rows.values()], [ROWS, ROWS, ROWS]);
  });
}

test('while an INSERT still runs on the server, nothing is counted or sent', async () => {
  const { clock, sink, segments, delivery } = world();
  sink.script.push((request) => {
    sink.running.add(request.query_id);
    throw NO_ANSWER;
  });
  delivery.add(sealed('a', 1));
  await clock.advance(120_000);
  assert.equal(sink.inserts.length, 1);
  assert.equal(delivery.figures().tables[0]?.state, 'settling');
  for (const request of sink.inserts) sink.commit(request);
  sink.running.clear();
  await clock.advance(2_000);
  assert.equal(sink.inserts.length, 1);
  assert.deepEqual(segments.done('retire'), ['a']);
});

test('a segment that an earlier process sent is in doubt from the start', async () => {
  const { clock, sink, segments, delivery } = world();
  sink.rows.set('there', ROWS);
  delivery.add(sealed('there', 1, { tokens: 1 }));
  delivery.add(sealed('lost', 2, { tokens: 1 }));
  await clock.advance(1_000);
  assert.deepEqual(sink.tokensSent(), ['lost']);
  assert.deepEqual(segments.log, ['retire there', 'open lost', 'retire lost'], 'what is there is not even read');
});

test('a segment goes on under the last token that was taken for it', async () => {
  const { clock, sink, delivery } = world();
  delivery.add(sealed('a', 1, { tokens: 3 }));
  await clock.advance(1_000);
  assert.deepEqual(sink.tokensSent(), ['a/3']);
});

test('a doubt outlives a later clean refusal', async () => {
  const { clock, sink, segments, delivery } = world();
  sink.script.push(
    (request) => {
      sink.running.add(request.query_id);
      throw NO_ANSWER;
    },
    failing('retry', false),
  );
  delivery.add(sealed('a', 1));
  await clock.advance(1_000);
  sink.running.clear();
  await clock.advance(400);
  assert.equal(sink.inserts.length, 2, 'the second was refused');
  for (const request of sink.inserts) sink.commit(request);
  await clock.advance(30_000);
  assert.equal(sink.inserts.length, 2, 'the first had come through late: only the count knows');
  assert.deepEqual(segments.done('retire'), ['a']);
});

test('a clean failure of the first try is simply tried again', async () => {
  const { clock, sink, delivery } = world();
  sink.script.push(failing('retry', false));
  delivery.add(sealed('a', 1));
  await clock.advance(1_000);
  assert.deepEqual(sink.tokensSent(), ['a', 'a']);
  assert.equal(sink.questions, 0);
});

for (const rows of [ROWS - 1, ROWS * 2]) {
  test(`a count of ${rows} of ${ROWS} rows stops the table, says so, and touches nothing until it is none or all`, async () => {
    const { clock, sink, segments, delivery, events } = world({ settle_ms: 1_000 });
    sink.script.push((request) => {
      sink.commit(request);
      sink.rows.set('a', rows);
      throw NO_ANSWER;
    });
    delivery.add(sealed('a', 1));
    delivery.add(sealed('b', 2));
    await clock.advance(3_600_000);
    const lane = delivery.figures().tables[0];
    assert.equal(lane?.state, 'stopped');
    assert.match(lane?.last_failure?.message ?? '', new RegExp(`holds ${rows} of the ${ROWS} rows of segment a`));
    assert.equal(sink.inserts.length, 1);
    assert.deepEqual(segments.done('retire'), []);
    assert.ok(events.includes('failed:a:stop:segment_partial'));
    sink.rows.delete('a');
    await clock.advance(60_000);
    assert.deepEqual(sink.tokensSent(), ['a', 'a', 'a/2', 'b'], 'the operator removed the rows');
    assert.deepEqual(segments.done('retire'), ['a', 'b']);
  });
}

test('a question that fails is asked again, and pauses the table when the server wants somebody to act', async () => {
  const { clock, sink, segments, delivery } = world();
  sink.script.push((request) => {
    sink.commit(request);
    throw NO_ANSWER;
  });
  sink.question_failure = new SinkFailure('authentication failed', false, 'pause', '516');
  delivery.add(sealed('a', 1));
  await clock.advance(60_000);
  assert.equal(delivery.figures().tables[0]?.state, 'paused');
  sink.question_failure = undefined;
  await clock.advance(15_000);
  assert.deepEqual(segments.done('retire'), ['a']);
  assert.equal(sink.inserts.length, 1);
});

test('a question that cannot be answered for lack of memory never condemns the segment', async () => {
  const { clock, sink, segments, delivery } = world();
  sink.script.push(failing('retry', true));
  sink.question_failure = new SinkFailure('memory limit', true, 'dead_letter', '241');
  delivery.add(sealed('a', 1));
  await clock.advance(600_000);
  assert.equal(delivery.figures().parked_segments, 0);
  sink.question_failure = undefined;
  await clock.advance(60_000);
  assert.deepEqual(segments.done('retire'), ['a']);
});

test('an INSERT under way when delivery stops is let finish, and its segment retired or left in doubt', async () => {
  const { clock, sink, segments, delivery } = world();
  const held = gate();
  sink.script.push(held.behaviour((request) => sink.commit(request)));
  delivery.add(sealed('a', 1));
  await clock.advance(0);
  const stopped = delivery.stop();
  held.open();
  await clock.advance(0);
  await stopped;
  assert.equal(sink.inserts.length, 1);
  assert.deepEqual(segments.done('takeToken'), ['a'], 'the next start finds a token taken, and asks');
});

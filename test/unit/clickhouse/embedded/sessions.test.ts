import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EngineAnswer, Lane, LentSession } from '../../../../src/clickhouse/embedded/sessions.ts';

const ANSWER: EngineAnswer = { bytes: new Uint8Array(0), elapsed_ms: 0, result_rows: 0, result_bytes: 0 };

function recordingSession(): { ran: string[]; session: LentSession } {
  const ran: string[] = [];
  const run = (sql: string): Promise<EngineAnswer> => {
    ran.push(sql);
    return Promise.resolve(ANSWER);
  };
  return { ran, session: new LentSession({ run, close: () => undefined }) };
}

test('a session is made ready for its loan, and keeps nothing of the loan before', async () => {
  const { ran, session } = recordingSession();
  await session.prepare('default', new Map());
  await session.prepare('d`b', new Map([['x', "it's"]]));
  await session.prepare('d`b', new Map([['y', '1']]));
  await session.prepare('d`b', new Map());
  assert.deepEqual(ran, ['USE `d\\`b`', "SET param_x = 'it\\'s'", "SET param_x = '\t', param_y = '1'", "SET param_y = '\t'"]);
});

test('a session serves one at a time, first come first served, and what exceeds the queue is refused', async () => {
  const lane = new Lane([recordingSession().session], 1);
  const order: string[] = [];
  const gate = newGate();
  const first = lane.use(() => gate.promise);
  const second = lane.use(async () => order.push('second'));
  await assert.rejects(
    lane.use(async () => order.push('third')),
    /TOO_MANY_SIMULTANEOUS_QUERIES/,
  );
  gate.resolve();
  await Promise.all([first, second]);
  assert.deepEqual(order, ['second']);
});

test('a lane that drains lets the running query end and refuses the others', async () => {
  const lane = new Lane([recordingSession().session], 4);
  const gate = newGate();
  const running = lane.use(() => gate.promise);
  const waiting = assert.rejects(
    lane.use(async () => undefined),
    /ABORTED/,
  );
  const drained = lane.drain();
  await waiting;
  await assert.rejects(
    lane.use(async () => undefined),
    /ABORTED/,
  );
  gate.resolve();
  await Promise.all([running, drained]);
});

function newGate(): { promise: Promise<void>; resolve: () => void } {
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, resolve: () => open() };
}

/** How `load` treats a daemon: paces itself, obeys, sends the same bytes again, and keeps its books. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SYSTEM_CLOCK } from '../../../src/base/system_clock.ts';
import { reportLoad } from '../../../src/cli/load/load_report.ts';
import { type LoadOutcome, type LoadPlan, LoadRun } from '../../../src/cli/load/load_run.ts';
import { Schedule } from '../../../src/cli/load/schedule.ts';
import { SeededRandom } from '../../../src/cli/load/seeded_random.ts';
import { backoffMs, judgeAnswer } from '../../../src/cli/load/verdict.ts';
import { type Answerer, accept, type Received, reply, withPaperDaemon } from './load_server.ts';

const PLAN: LoadPlan = {
  address: { host: '127.0.0.1', port: 0 },
  key: 'sk_live_test',
  seed: 1,
  devices: 100,
  connections: 1,
  rate_events_per_s: 0,
  batch_events: 10,
  seconds_max: Number.POSITIVE_INFINITY,
  events_max: 25,
  transport: 'http',
  encoding: 'json',
  network: 'good',
};

/** Plays a load against a daemon that answers as told. */
async function play(plan: Partial<LoadPlan>, answer: Answerer): Promise<{ outcome: LoadOutcome; received: Received[] }> {
  return await withPaperDaemon(answer, async (port, received) => {
    const address = { host: '127.0.0.1', port };
    const run = new LoadRun({ ...PLAN, address, ...plan }, { clock: SYSTEM_CLOCK, random: new SeededRandom(1) });
    return { outcome: await run.run(), received };
  });
}

test('a load sends exactly the events asked for, the last batch smaller, with the key', async () => {
  const { outcome, received } = await play({}, accept);
  assert.deepEqual(
    received.map((request) => request.events),
    [10, 10, 5],
  );
  assert.ok(received.every((request) => request.key === 'sk_live_test'));
  assert.equal(outcome.tally.acknowledged_events, 25);
  assert.equal(outcome.stopped, undefined);
});

test('the same seed sends the same bodies over however many connections', async () => {
  const hashes = async (connections: number): Promise<string[]> => {
    const { received } = await play({ connections, events_max: 200, seed: 9 }, accept);
    return received.map((request) => request.hash).sort();
  };
  assert.deepEqual(await hashes(1), await hashes(4));
});

test('after a 503 the same bytes are sent again, not before Retry-After', async () => {
  const { outcome, received } = await play({ events_max: 10 }, (response, nth, events) => {
    if (nth === 1) reply(response, 503, '', { 'retry-after': '1' });
    else accept(response, nth, events);
  });
  const [first, second] = received;
  assert.ok(first !== undefined && second !== undefined && received.length === 2);
  assert.equal(second.hash, first.hash);
  assert.ok(second.at_ms - first.at_ms >= 990, `${second.at_ms - first.at_ms} ms`);
  assert.equal(outcome.tally.retries, 1);
  assert.deepEqual(Object.fromEntries(outcome.tally.answers), { 503: 1, 202: 1 });
});

test('after a lost connection the same bytes are sent again', async () => {
  const { outcome, received } = await play({ events_max: 10 }, (response, nth, events) => {
    if (nth === 1) response.destroy();
    else accept(response, nth, events);
  });
  assert.equal(received[1]?.hash, received[0]?.hash);
  assert.equal(outcome.tally.acknowledged_events, 10);
});

test('a refusal ends the load with its reason, and the batch stays unacknowledged', async () => {
  const { outcome, received } = await play({ events_max: 1000 }, (response) => reply(response, 401, '{"error":"unauthorized"}'));
  assert.equal(received.length, 1);
  assert.match(String(outcome.stopped), /401 .*unauthorized/);
  assert.equal(reportLoad(PLAN, 'http://x', outcome).unacknowledged, 10);
});

test('rejected events are acknowledged and counted apart', async () => {
  const { outcome } = await play({ events_max: 10 }, (response) => reply(response, 202, '{"accepted":7,"rejected":3}'));
  const { acknowledged, accepted, rejected, unacknowledged } = reportLoad(PLAN, 'http://x', outcome);
  assert.deepEqual({ acknowledged, accepted, rejected, unacknowledged }, { acknowledged: 10, accepted: 7, rejected: 3, unacknowledged: 0 });
});

test('an answer that cannot be understood ends the load at once with the reason', async () => {
  const { outcome, received } = await play({}, (response) => response.writeHead(202).end('{}'));
  assert.equal(received.length, 1);
  assert.match(String(outcome.stopped), /chunked/);
});

test('a load stops after its seconds', async () => {
  const { outcome } = await play({ events_max: Number.POSITIVE_INFINITY, seconds_max: 0.2 }, accept);
  assert.ok(outcome.duration_ms >= 190 && outcome.duration_ms < 1500, `${outcome.duration_ms} ms`);
});

test('a load with a rate sends no faster', async () => {
  const { outcome } = await play({ events_max: 100, rate_events_per_s: 300, connections: 4 }, accept);
  assert.ok(outcome.duration_ms >= 290, `${outcome.duration_ms} ms`);
});

test('batches are due evenly from the start on, however late the last one was', () => {
  const schedule = new Schedule({ rate_events_per_s: 100, batch_events: 10, seconds_max: 0.35, events_max: 1000 }, 5000);
  assert.deepEqual(schedule.next(5000), { events: 10, due_ms: 5000 });
  assert.deepEqual(schedule.next(5290), { events: 10, due_ms: 5100 });
  assert.deepEqual(schedule.next(5290), { events: 10, due_ms: 5200 });
  assert.deepEqual(schedule.next(5290), { events: 10, due_ms: 5300 });
  assert.equal(schedule.next(5290), undefined);
});

test('Retry-After is obeyed up to half a minute, and without it tries back off', () => {
  const answer = { status: 429, body: '', retry_after_s: 3600, last: false };
  const random = { fraction: () => 1 };
  assert.deepEqual(judgeAnswer(answer, 1, 1, random), { kind: 'retry', delay_ms: 30_000, reason: '429 ' });
  assert.deepEqual(
    [1, 2, 3, 10].map((attempt) => backoffMs(attempt, random)),
    [100, 200, 400, 5000],
  );
});

test('a 202 whose counts do not add up acknowledges nothing', () => {
  for (const body of ['{"accepted":9,"rejected":0}', '{}', 'ok', '[]']) {
    assert.equal(judgeAnswer({ status: 202, body, retry_after_s: undefined, last: false }, 10, 1, { fraction: () => 0 }).kind, 'refused');
  }
});

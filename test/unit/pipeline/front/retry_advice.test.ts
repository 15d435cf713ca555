import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetryAdvice } from '../../../../src/pipeline/front/retry_advice.ts';
import { ManualClock } from '../../../support/manual_clock.ts';

function makeAdvice(world: { in_flight?: number; room_s?: number; fraction?: number }): { advice: RetryAdvice; clock: ManualClock } {
  const clock = new ManualClock(0);
  const advice = new RetryAdvice({
    clock,
    random: { fraction: () => world.fraction ?? 0, uuid: () => '' },
    backlog: { secondsToRoom: () => world.room_s ?? 0, secondsToCalm: () => 2 * (world.room_s ?? 0) },
    bytesInFlight: () => world.in_flight ?? 0,
  });
  return { advice, clock };
}

/** A thousand bytes a second are answered. */
function answerSteadily({ advice, clock }: ReturnType<typeof makeAdvice>): void {
  for (let second = 0; second < 60; second++) {
    for (let part = 0; part < 10; part++) {
      clock.advance(100);
      advice.answered(100);
    }
  }
}

test('overload sends away for as long as what is in flight takes to be answered, with a spread', () => {
  for (const [fraction, least, most] of [
    [0, 10, 11],
    [0.999, 14, 15],
  ] as const) {
    const made = makeAdvice({ in_flight: 10_000, fraction });
    answerSteadily(made);
    const seconds = made.advice.seconds('overloaded');
    assert.ok(seconds >= least && seconds <= most, String(seconds));
  }
});

test('overload that nothing is known of, and every other 503, sends away for one to four seconds', () => {
  for (const code of ['overloaded', 'worker_died', 'shutting_down'] as const) {
    assert.equal(makeAdvice({ in_flight: 1e9 }).advice.seconds(code), 1);
    assert.equal(makeAdvice({ in_flight: 1e9, fraction: 0.999 }).advice.seconds(code), 4);
  }
});

test('overload that stands still sends nobody away for more than half a minute', () => {
  const made = makeAdvice({ in_flight: 10_000, fraction: 0.999 });
  answerSteadily(made);
  made.clock.advance(600_000);
  const seconds = made.advice.seconds('overloaded');
  assert.ok(seconds > 20 && seconds <= 30, String(seconds));
});

test('a full spool or disk sends away until there is room, and for five minutes at most, spread out even then', () => {
  for (const code of ['spool_full', 'disk_nearly_full'] as const) {
    assert.equal(makeAdvice({ room_s: 42.5 }).advice.seconds(code), 43);
    assert.equal(makeAdvice({ room_s: 42.5, fraction: 0.999 }).advice.seconds(code), 64);
    assert.equal(makeAdvice({ room_s: Number.POSITIVE_INFINITY }).advice.seconds(code), 200);
    assert.ok(makeAdvice({ room_s: Number.POSITIVE_INFINITY, fraction: 0.999 }).advice.seconds(code) <= 300);
    assert.equal(makeAdvice({ room_s: 0 }).advice.seconds(code), 1);
  }
  assert.equal(makeAdvice({ room_s: 20 }).advice.seconds('shedding'), 40);
});

test('the more were sent away lately, the longer the next ones are: those come back before them', () => {
  for (const [code, longest] of [
    ['overloaded', 20],
    ['shedding', 50],
    ['spool_full', 50],
  ] as const) {
    const made = makeAdvice({ in_flight: 0 });
    answerSteadily(made);
    const first = made.advice.seconds(code);
    for (let refused = 0; refused < 500; refused++) made.advice.seconds(code);
    const last = made.advice.seconds(code);
    assert.equal(first, 1);
    // 10 a second are answered, so that five hundred take some fifty seconds: more than anybody is told who only finds too much in hand.
    assert.ok(last >= longest && last <= longest + 10, `${code}: ${last}`);
  }
});

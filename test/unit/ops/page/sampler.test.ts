import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantileMs, sampleBetween, stateOf } from '../../../../src/ops/page/sample.ts';
import { SAMPLES_MAX, Sampler } from '../../../../src/ops/page/sampler.ts';
import { ManualClock } from '../../../support/manual_clock.ts';
import { BOOKS, readingAt } from '../../../support/page_readings.ts';

const END = Number.POSITIVE_INFINITY;

/** Lets what was promised happen. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('a sample is what went through between two readings, per second', () => {
  const durations = (quick: number, slow: number) => [
    { seconds: 0.01, requests: quick },
    { seconds: 0.1, requests: quick + slow },
    { seconds: END, requests: quick + slow },
  ];
  const tally = { worker_deaths: 0, delivered: 100, accepted: 1000, rejected: { bad: 5 }, durations: durations(1000, 1000) };
  const before = readingAt(0, { tally });
  const later = { ...tally, delivered: 300, accepted: 1500, rejected: { bad: 5, worse: 10 }, durations: durations(1100, 1000) };
  assert.deepEqual(sampleBetween(before, readingAt(2000, { tally: later })), {
    time_ms: 1_002_000,
    accepted_per_s: 250,
    rejected_per_s: 5,
    delivered_per_s: 100,
    latency_p50_ms: 5,
    latency_p99_ms: 9.9,
    lag_s: 1.5,
    spool_bytes: 7,
  });
});

test('a quantile is linear in its bucket, has no value without requests, and does not go beyond the last bound', () => {
  const durations = (quick: number, within: number, all: number) => [
    { seconds: 0.1, requests: quick },
    { seconds: 1, requests: within },
    { seconds: END, requests: all },
  ];
  assert.equal(quantileMs([], 0.5), null);
  assert.equal(quantileMs(durations(0, 0, 0), 0.5), null);
  assert.equal(quantileMs(durations(0, 10, 10), 0.5), 550);
  assert.equal(quantileMs(durations(0, 5, 10), 0.99), 1000);
});

test('the state has the books with their verdict, and none while they are incomplete', () => {
  assert.equal(stateOf(readingAt(0), 2).ledger?.balanced, true);
  assert.equal(stateOf(readingAt(0, { ledger: { ...BOOKS, delivered: 5 } }), 2).ledger?.balanced, false);
  assert.equal(stateOf(readingAt(0, { ledger: undefined }), 2).ledger, null);
  assert.deepEqual(stateOf(readingAt(0), 2).workers, { threads: 2, running: 4, queued: 3, deaths: 0 });
});

test('the sampler keeps the last ten minutes and no more, and tells its listeners of each second', async () => {
  const clock = new ManualClock(0);
  const sampler = new Sampler({ clock, read: async () => readingAt(clock.monotonicMs()), failed: assert.fail }, 1);
  await sampler.start();
  assert.notEqual(sampler.state(), undefined);
  let heard = 0;
  const stop = sampler.listen(() => heard++);
  for (let second = 0; second < SAMPLES_MAX + 5; second++) {
    clock.advance(1000);
    await settle();
  }
  assert.equal(heard, SAMPLES_MAX + 5);
  assert.equal(sampler.samples().length, SAMPLES_MAX);
  assert.equal(sampler.samples().at(-1)?.time_ms, 1_000_000 + 1000 * (SAMPLES_MAX + 5));
  stop();
  clock.advance(1000);
  await settle();
  assert.equal(heard, SAMPLES_MAX + 5);
  sampler.stop();
  clock.advance(1000);
  await settle();
  assert.equal(sampler.samples().at(-1)?.time_ms, 1_000_000 + 1000 * (SAMPLES_MAX + 6));
});

test('a look that fails is reported and does not stop the next', async () => {
  const clock = new ManualClock(0);
  const failures: unknown[] = [];
  let is_broken = true;
  const read = async () => {
    if (is_broken) throw new Error('no');
    return readingAt(clock.monotonicMs());
  };
  const sampler = new Sampler({ clock, read, failed: (error) => void failures.push(error) }, 1);
  await sampler.start();
  is_broken = false;
  clock.advance(1000);
  await settle();
  assert.equal(failures.length, 1);
  assert.notEqual(sampler.state(), undefined);
});

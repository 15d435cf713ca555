import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LATENCY_US_MAX, LatencyHistogram } from '../../../src/cli/load/latency_histogram.ts';
import { SeededRandom } from '../../../src/cli/load/seeded_random.ts';

function record(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test('latencies below 64 µs are kept exactly', () => {
  const histogram = record(Array.from({ length: 63 }, (_, index) => index + 1));
  assert.equal(histogram.quantileUs(0), 1);
  assert.equal(histogram.quantileUs(32 / 63), 32);
  assert.equal(histogram.quantileUs(1), 63);
});

test('a quantile is never below the true one and at most 1/64 above it', () => {
  const seed = Date.now() % 1_000_000;
  const random = new SeededRandom(seed);
  const values = Array.from({ length: 5000 }, () => Math.floor(2 ** (random.fraction() * 30)));
  const histogram = record(values);
  const sorted = values.toSorted((left, right) => left - right);
  for (const share of [0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
    const truth = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
    const found = histogram.quantileUs(share);
    assert.ok(found >= truth && found <= truth * (1 + 1 / 64), `seed=${seed} share ${share}: ${found} for ${truth}`);
  }
});

test('the largest latency is exact, and no quantile exceeds it', () => {
  const histogram = record([10, 1_000_001]);
  assert.equal(histogram.maxUs(), 1_000_001);
  assert.equal(histogram.quantileUs(0.999), 1_000_001);
});

test('what is out of range counts at the end of the range', () => {
  const histogram = record([-5, 1e12, 3.9]);
  assert.equal(histogram.count(), 3);
  assert.equal(histogram.quantileUs(0.1), 0);
  assert.equal(histogram.quantileUs(0.5), 3);
  assert.equal(histogram.maxUs(), LATENCY_US_MAX);
});

test('without latencies every quantile is 0', () => {
  assert.equal(record([]).quantileUs(0.99), 0);
});

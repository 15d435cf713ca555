import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DrainRate } from '../../../src/base/drain_rate.ts';

function isNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual / expected - 1) < 0.02, `${actual} instead of ${expected}`);
}

test('a steady stream has its rate, soon after the start and long after it', () => {
  const rate = new DrainRate(5_000, 0);
  assert.equal(rate.perSecond(0), 0);
  for (let time_ms = 100; time_ms <= 60_000; time_ms += 100) {
    rate.add(1_000, time_ms);
    if (time_ms === 10_000 || time_ms === 60_000) isNear(rate.perSecond(time_ms), 10_000);
  }
});

test('what has come to a halt drains slower and slower', () => {
  const rate = new DrainRate(1_000, 0);
  for (let time_ms = 10; time_ms <= 10_000; time_ms += 10) rate.add(100, time_ms);
  isNear(rate.perSecond(11_000), 10_000 / Math.E);
  assert.ok(rate.perSecond(60_000) < 1);
});

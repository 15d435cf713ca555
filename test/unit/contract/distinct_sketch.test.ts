/** Linear counting: exact while there is little, within half a percent for as many as there may be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimate } from '../../../src/contract/distinct_sketch.ts';

const SLOTS = 2 ** 20;
const SAMPLE_SLOTS = 2 ** 18;

/** How many slots so many values take, on average. */
function taken(values: number, slots: number): number {
  return Math.round(slots * -Math.expm1(-values / slots));
}

test('nothing is nothing, and a few are as many as there are', () => {
  assert.equal(estimate([]), 0);
  assert.equal(estimate([0, 0]), 0);
  for (const values of [1, 2, 40, 100, 500]) assert.equal(estimate([values, Math.floor(values / 128)]), values);
});

test('the estimate is right where slots begin to be shared, where nearly all are taken, and beyond', () => {
  for (const values of [10_000, 1_000_000, 6_000_000, 6_500_000, 20_000_000, 200_000_000]) {
    const sampled = taken(values / 128, SAMPLE_SLOTS);
    const all = sampled + taken((values / 128) * 127, SLOTS);
    const error = Math.abs(estimate([all, sampled]) - values) / values;
    assert.ok(error < 0.005, `${values}: ${error}`);
  }
});

test('slots that are all taken give a number', () => {
  assert.ok(Number.isFinite(estimate([SLOTS + SAMPLE_SLOTS, SAMPLE_SLOTS])));
});

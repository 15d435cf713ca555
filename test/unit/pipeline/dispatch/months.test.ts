import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Months } from '../../../../src/pipeline/dispatch/months.ts';

test('a month begins and ends at midnight in UTC, also when the clock goes back', () => {
  const months = new Months();
  const december_ms = Date.UTC(2026, 11, 1);
  assert.equal(months.of(december_ms - 1), 202611);
  assert.equal(months.of(december_ms), 202612);
  assert.equal(months.of(december_ms - 1), 202611);
  assert.equal(months.of(Date.UTC(2027, 0, 1) - 1), 202612);
  assert.equal(months.of(Date.UTC(2027, 0, 1)), 202701);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget } from '../../../../src/pipeline/front/byte_budget.ts';

test('what does not fit is refused, and fits again when something was given back', () => {
  const budget = new ByteBudget(80);
  assert.ok(budget.take(80));
  assert.ok(!budget.take(1));
  budget.give(1);
  assert.ok(budget.take(1));
});

test('an eighth on top is for those alone that use the reserve', () => {
  const budget = new ByteBudget(80);
  assert.ok(budget.take(80));
  assert.ok(budget.take(10, true));
  assert.ok(!budget.take(1, true));
  budget.give(10);
  assert.ok(!budget.take(1));
  assert.equal(budget.used(), 80);
});

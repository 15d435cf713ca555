import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyCollector } from '../../../../src/pipeline/front/body_collector.ts';
import { ByteBudget } from '../../../../src/pipeline/front/byte_budget.ts';

test('chunks of any size come out as one body, though each was overwritten after it was given', () => {
  for (const expected_bytes of [-1, 200_000, 10]) {
    const collector = new BodyCollector();
    const whole = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index & 255));
    for (let at = 0; at < whole.length; ) {
      const chunk = Buffer.from(whole.subarray(at, at + 1 + ((at * 7) % 30_000)));
      collector.add(chunk, expected_bytes);
      at += chunk.length;
      chunk.fill(0);
    }
    assert.ok(whole.equals(collector.collected()));
  }
});

test('a budget gives what it has, refuses the rest, and takes back', () => {
  const budget = new ByteBudget(100);
  assert.equal(budget.take(60), true);
  assert.equal(budget.take(41), false);
  assert.equal(budget.take(40), true);
  budget.give(60);
  assert.equal(budget.used(), 40);
  budget.setBytesMax(30);
  assert.equal(budget.take(1), false);
  assert.throws(() => budget.give(41), /BUG/);
});

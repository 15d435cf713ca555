import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Overdue } from '../../../../src/pipeline/front/overdue.ts';
import { seededRandom } from '../../../support/seeded_random.ts';

test('too many are overdue once dozens have waited for a tenth of a second, and no longer when they are answered', () => {
  const overdue = new Overdue();
  const steps = Array.from({ length: 1000 }, () => overdue.enter(5000));
  assert.equal(overdue.areTooMany(5090), false);
  assert.equal(overdue.areTooMany(5110), true);
  for (const step of steps.slice(31)) overdue.leave(step);
  assert.equal(overdue.areTooMany(5111), false);
  assert.equal(overdue.areTooMany(500_000), false);
});

test('few that are slow do not count, however many quick ones come', () => {
  const overdue = new Overdue();
  for (let slow = 0; slow < 20; slow++) overdue.enter(0);
  for (let now_ms = 0; now_ms < 2000; now_ms++) {
    overdue.leave(overdue.enter(now_ms));
    assert.equal(overdue.areTooMany(now_ms), false);
  }
});

test('at random: as many are overdue as have waited too long, give or take a step', () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  const overdue = new Overdue();
  const waiting: { at_ms: number; step: number }[] = [];
  let now_ms = random.below(1_000_000);
  for (let round = 0; round < 20_000; round++) {
    now_ms += random.fraction() < 0.01 ? random.below(1000) : random.fraction();
    if (random.fraction() < 0.52) waiting.push({ at_ms: now_ms, step: overdue.enter(now_ms) });
    else if (waiting.length > 0) for (const { step } of waiting.splice(random.below(waiting.length), 1)) overdue.leave(step);
    const older = (age_ms: number): number => waiting.filter(({ at_ms }) => now_ms - at_ms > age_ms).length;
    const are_too_many = overdue.areTooMany(now_ms);
    if (older(108) >= 32) assert.ok(are_too_many, `seed=${seed} round=${round}`);
    if (older(92) < 32) assert.ok(!are_too_many, `seed=${seed} round=${round}`);
  }
});

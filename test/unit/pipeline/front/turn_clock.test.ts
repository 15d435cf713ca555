import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { TurnClock } from '../../../../src/pipeline/front/turn_clock.ts';
import { ManualClock } from '../../../support/manual_clock.ts';

test('whoever is read late in a turn came at its beginning, and the next turn begins anew', async () => {
  const clock = new ManualClock(1000);
  const turn = new TurnClock(clock);
  assert.equal(turn.startMs(), 1000);
  clock.advance(80);
  assert.equal(turn.startMs(), 1000);
  await setImmediate();
  assert.equal(turn.startMs(), 1080);
  assert.equal(turn.lengthMs(), 10, 'an eighth of the first one, before there was one');
});

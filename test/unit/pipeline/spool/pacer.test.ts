import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pacer } from '../../../../src/pipeline/spool/pacer.ts';
import { ManualClock } from '../../../support/manual_clock.ts';

/** Whether a sync that takes `sync_ms` was followed by a rest. */
async function rests(sync_ms: number, is_hurried: boolean): Promise<boolean> {
  const clock = new ManualClock(0);
  let is_over = false;
  const shared = new Pacer(clock, { isHurried: () => is_hurried })
    .share(async () => clock.advance(sync_ms))
    .then(() => {
      is_over = true;
    });
  await new Promise((resolve) => setImmediate(resolve));
  const rested = !is_over;
  await shared;
  return rested;
}

test('after a sync the disk is left to others for as long', async () => {
  const start_ms = performance.now();
  assert.equal(await rests(8, false), true);
  assert.ok(performance.now() - start_ms >= 7);
});

test('a disk that stalls is not left for as long as it stalled', async () => {
  const start_ms = performance.now();
  assert.equal(await rests(60_000, false), true);
  assert.ok(performance.now() - start_ms < 5_000);
});

test('nothing rests when others wait for the work, or when the sync took no time', async () => {
  assert.equal(await rests(8, true), false);
  assert.equal(await rests(0, false), false);
});

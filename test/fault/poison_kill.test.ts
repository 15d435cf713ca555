/** Kills while a segment is searched for its bad rows: the short run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { allowPoison, assertOnceEach, DELIVERY_MS_MAX, EVENTS, Fleet, forbidPoison, refused } from '../support/poisoned_fleet.ts';
import { seededRandom } from '../support/seeded_random.ts';
import { until } from '../support/until.ts';

const POISONED = 3;
const KILLS = 1;
const KILL_MS_MAX = 900;

test('kills in the midst of the search lose no row and double none', async (context) => {
  const seed = Date.now() % 1_000_000;
  context.diagnostic(`seed=${seed}`);
  const random = seededRandom(seed);
  const fleet = await Fleet.create(context);
  let daemon = await fleet.home.start();
  await forbidPoison(daemon);
  const poisoned = Array.from({ length: POISONED }, (_, index) => index * 1000 + random.below(1000));
  await fleet.send(daemon, poisoned);
  for (let kill = 0; kill < KILLS; kill++) {
    await setTimeout(kill === 0 ? 1_000 + random.below(KILL_MS_MAX) : random.below(KILL_MS_MAX));
    await daemon.stop('SIGKILL');
    daemon = await fleet.home.start();
  }
  await until('the bad rows are set aside', 2 * DELIVERY_MS_MAX, async () => (await refused(daemon)).dead_letters === poisoned.length);
  await until(
    'the good rows are delivered',
    DELIVERY_MS_MAX,
    async () => (await daemon.count('deploy_events')) === EVENTS - poisoned.length,
  );
  await assertOnceEach(daemon, EVENTS - poisoned.length);
  await allowPoison(daemon);
  assert.equal((await fleet.replay('--all')).code, 0);
  await assertOnceEach(daemon, EVENTS);
});

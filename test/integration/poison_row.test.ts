/** A row that ClickHouse rejects although we let it through: here, by a constraint that an operator put on the table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  allowPoison,
  assertOnceEach,
  DELIVERY_MS_MAX,
  EVENTS,
  Fleet,
  forbidPoison,
  type Letter,
  refused,
} from '../support/poisoned_fleet.ts';
import { until } from '../support/until.ts';

test('one bad row among thousands is set aside whole, the others are delivered, and a replay puts it in once', async (context) => {
  const fleet = await Fleet.create(context);
  const daemon = await fleet.home.start();
  await forbidPoison(daemon);
  await fleet.send(daemon, [1234]);
  await until('the good rows are delivered', DELIVERY_MS_MAX, async () => (await daemon.count('deploy_events')) === EVENTS - 1);
  await until('the bad row is set aside', DELIVERY_MS_MAX, async () => (await refused(daemon)).dead_letters === 1);
  await assertOnceEach(daemon, EVENTS - 1);

  const [letter] = await fleet.letters();
  assert.ok(letter !== undefined);
  const { state, table, source, reason } = letter;
  assert.deepEqual(
    { state, table, source, code: reason.code },
    { state: 'rejected', table: 'deploy_events', source: 'deploy_report', code: '469' },
  );
  assert.match(reason.message, /no_poison/);
  const shown: Letter = JSON.parse((await fleet.home.command(['dead-letter', 'show', letter.id.slice(0, 8), '--json'])).stdout);
  assert.equal(shown.content?.['distinct_id'], 'device_1234');
  assert.deepEqual(JSON.parse(shown.content?.['metadata'] ?? ''), { number: 1234, text: 'ü"\n' });
  assert.match((await fleet.home.command(['dead-letter', 'show', letter.id])).stdout, /^ {2}release_id +poison$/m);
  const metrics = await (await fetch(daemon.adminUrl('/metrics'))).text();
  assert.match(metrics, /^penstock_dead_lettered_rows_total\{table="deploy_events"\} 1$/m);
  assert.match(metrics, /^penstock_dead_letters\{table="deploy_events"\} 1$/m);

  const early = await fleet.replay(letter.id);
  assert.deepEqual([early.code, early['delivered'], early['came_back']], [1, 0, 1]);
  assert.equal((await fleet.letters())[0]?.state, 'rejected');

  await allowPoison(daemon);
  const [one, other] = await Promise.all([fleet.replay('--all'), fleet.replay('--all')]);
  assert.deepEqual([one?.code, other?.code], [0, 0], `${one?.stderr}${other?.stderr}`);
  await assertOnceEach(daemon, EVENTS);
  assert.deepEqual(await fleet.letters(), []);
  assert.equal((await refused(daemon)).dead_letters, 0);
  assert.equal((await fleet.home.command(['dead-letter', 'show', letter.id])).code, 1);
});

test('letters that are replayed while no daemon runs are delivered by the next one', async (context) => {
  const fleet = await Fleet.create(context);
  const first = await fleet.home.start();
  await forbidPoison(first);
  await fleet.send(first, [0, 1, EVENTS - 1]);
  await until('the bad rows are set aside', DELIVERY_MS_MAX, async () => (await refused(first)).dead_letters === 3);
  await allowPoison(first);
  assert.equal(await first.stop(), 0);
  const outcome = await fleet.replay('--all');
  assert.deepEqual([outcome.code, outcome['waiting'], outcome['daemon_seen']], [0, 3, false]);
  const second = await fleet.home.start();
  // First a question that costs less than a process.
  await until('their rows are delivered', DELIVERY_MS_MAX, async () => (await second.count('deploy_events')) === EVENTS);
  await until('no letter is left', DELIVERY_MS_MAX, async () => (await fleet.letters()).length === 0);
  await assertOnceEach(second, EVENTS);
});

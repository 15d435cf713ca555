/** A row that ClickHouse rejects although we let it through: here, by a constraint that an operator put on the table. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { seededRandom } from '../support/seeded_random.ts';
import { until } from '../support/until.ts';

const BATCHES = 30;
const BATCH_EVENTS = 100;
const EVENTS = BATCHES * BATCH_EVENTS;
const DELIVERY_MS_MAX = 30_000;
const KILLS = 4;
const KILL_MS_MAX = 900;

interface Letter {
  readonly id: string;
  readonly state: string;
  readonly table: string;
  readonly source: string;
  readonly reason: { readonly code: string; readonly message: string };
  readonly content?: Readonly<Record<string, string>>;
}

interface Ready {
  readonly refused: { readonly dead_letters: number; readonly parked_segments: number };
}

class Fleet {
  private constructor(
    readonly home: DaemonHome,
    private readonly key: string,
  ) {}

  /** One segment takes all that is sent within a second. */
  static async create(context: TestContext): Promise<Fleet> {
    const home = await DaemonHome.create(context, { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '1000' });
    return new Fleet(home, await home.createKey('deploy'));
  }

  /** Events `device_0` and so on; those of `poisoned` carry the release that the constraint forbids. */
  async send(daemon: RunningDaemon, poisoned: readonly number[]): Promise<void> {
    const bodies = Array.from({ length: BATCHES }, (_, batch) =>
      Array.from({ length: BATCH_EVENTS }, (_, index) => {
        const number = batch * BATCH_EVENTS + index;
        const release_id = poisoned.includes(number) ? 'poison' : `release_${number % 7}`;
        return { event_type: 'rollback', release_id, distinct_id: `device_${number}`, metadata: { number, text: 'ü"\n' } };
      }),
    );
    const answers = await Promise.all(
      bodies.map((events) => daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': this.key })),
    );
    for (const answer of answers) assert.equal(answer.status, 202);
  }

  async letters(): Promise<Letter[]> {
    const letters: Letter[] = JSON.parse((await this.home.command(['dead-letter', 'list', '--json'])).stdout);
    return letters;
  }

  async replay(
    ...line: readonly string[]
  ): Promise<{ code: number; stderr: string } & Readonly<Record<string, number | boolean | string>>> {
    const { code, stdout, stderr } = await this.home.command(['dead-letter', 'replay', ...line, '--json']);
    return { code, stderr, ...JSON.parse(stdout) };
  }
}

async function forbidPoison(daemon: RunningDaemon): Promise<void> {
  await daemon.query("ALTER TABLE deploy_events ADD CONSTRAINT no_poison CHECK release_id != 'poison'");
}

async function allowPoison(daemon: RunningDaemon): Promise<void> {
  await daemon.query('ALTER TABLE deploy_events DROP CONSTRAINT no_poison');
}

async function assertOnceEach(daemon: RunningDaemon, rows: number): Promise<void> {
  const [found] = await daemon.query<{ rows: string; devices: string }>(
    'SELECT count() AS rows, uniqExact(distinct_id) AS devices FROM deploy_events',
  );
  assert.deepEqual({ rows: Number(found?.rows), devices: Number(found?.devices) }, { rows, devices: rows });
}

async function refused(daemon: RunningDaemon): Promise<Ready['refused']> {
  const body: Ready = JSON.parse(await (await fetch(daemon.url('/readyz'))).text());
  return body.refused;
}

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
  await until('the letters are delivered', DELIVERY_MS_MAX, async () => (await fleet.letters()).length === 0);
  await assertOnceEach(second, EVENTS);
});

test('kills in the midst of the search lose no row and double none', async (context) => {
  const seed = Date.now() % 1_000_000;
  context.diagnostic(`seed=${seed}`);
  const random = seededRandom(seed);
  const fleet = await Fleet.create(context);
  let daemon = await fleet.home.start();
  await forbidPoison(daemon);
  const poisoned = Array.from({ length: 7 }, (_, index) => index * 400 + random.below(400));
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

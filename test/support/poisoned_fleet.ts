/** A fleet of which some events break a constraint that an operator put on the table: ClickHouse rejects rows that we let through. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { DaemonHome, type RunningDaemon } from './daemon.ts';

const BATCHES = 30;
const BATCH_EVENTS = 100;
export const EVENTS = BATCHES * BATCH_EVENTS;
/** With three bad rows some fifty INSERTs one after the other, with room for a busy machine. */
export const DELIVERY_MS_MAX = 60_000;

export interface Letter {
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

export class Fleet {
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

export async function forbidPoison(daemon: RunningDaemon): Promise<void> {
  await daemon.query("ALTER TABLE deploy_events ADD CONSTRAINT no_poison CHECK release_id != 'poison'");
}

export async function allowPoison(daemon: RunningDaemon): Promise<void> {
  await daemon.query('ALTER TABLE deploy_events DROP CONSTRAINT no_poison');
}

export async function assertOnceEach(daemon: RunningDaemon, rows: number): Promise<void> {
  const [found] = await daemon.query<{ rows: string; devices: string }>(
    'SELECT count() AS rows, uniqExact(distinct_id) AS devices FROM deploy_events',
  );
  assert.deepEqual({ rows: Number(found?.rows), devices: Number(found?.devices) }, { rows, devices: rows });
}

export async function refused(daemon: RunningDaemon): Promise<Ready['refused']> {
  const body: Ready = JSON.parse(await (await fetch(daemon.url('/readyz'))).text());
  return body.refused;
}

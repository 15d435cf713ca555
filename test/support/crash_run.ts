/**
 * The daemon under load, killed again and again: itself or its engine, with SIGKILL, at random moments. At the end every acknowledged
 * event is in ClickHouse exactly once.
 */
import { setTimeout } from 'node:timers/promises';
import { DaemonHome, type Owner, type RunningDaemon } from './daemon.ts';
import { seededRandom } from './seeded_random.ts';
import { until } from './until.ts';

export interface CrashPlan {
  readonly seed: number;
  readonly kills: number;
}

export interface CrashReport {
  readonly daemon_kills: number;
  readonly engine_kills: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly in_clickhouse: number;
  /** Events that stand in the table more than once; none is ever sent twice. */
  readonly duplicates: number;
  /** Acknowledged and not in the table. */
  readonly lost: number;
}

const SENDERS = 4;
const BATCH_EVENTS = 20;
const UP_MS_MAX = 1_500;
const ENGINE_KILLS_ONE_IN = 4;
const DELIVERED_MS_MAX = 60_000;

/** Sends batches of distinct events, and remembers which were acknowledged. */
class Sender {
  readonly acknowledged: string[] = [];
  sent = 0;

  constructor(
    private readonly name: string,
    private readonly key: string,
  ) {}

  async run(daemon: RunningDaemon, is_up: () => boolean): Promise<void> {
    while (is_up()) {
      const ids = Array.from({ length: BATCH_EVENTS }, () => `${this.name}-${this.sent++}`);
      const events = ids.map((distinct_id) => ({ event_type: 'rollback', release_id: 'r', distinct_id, metadata: { distinct_id } }));
      const answer = await daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': this.key }).catch(() => undefined);
      if (answer?.status === 202) this.acknowledged.push(...ids);
    }
  }
}

export async function crashRun(owner: Owner, plan: CrashPlan): Promise<CrashReport> {
  const random = seededRandom(plan.seed);
  const home = await DaemonHome.create(owner, { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '200', PENSTOCK_SPOOL__SEAL_ROWS_MAX: '500' });
  const key = await home.createKey('deploy');
  const senders = Array.from({ length: SENDERS }, (_, index) => new Sender(`device-${index}`, key));
  const kills = { daemon: 0, engine: 0 };
  for (let kill = 0; kill < plan.kills; kill++) {
    const daemon = await home.start();
    let is_up = true;
    const sending = senders.map((sender) => sender.run(daemon, () => is_up));
    if (random.below(ENGINE_KILLS_ONE_IN) === 0) {
      await setTimeout(random.below(UP_MS_MAX));
      kills.engine += killEngine(daemon);
    }
    await setTimeout(random.below(UP_MS_MAX));
    await daemon.stop('SIGKILL');
    kills.daemon++;
    is_up = false;
    await Promise.all(sending);
  }
  const report = await audit(await home.start(), senders);
  return { daemon_kills: kills.daemon, engine_kills: kills.engine, ...report };
}

/** Kills the engine's process, whose id the log names; 0 when it is just being restarted. */
function killEngine(daemon: RunningDaemon): number {
  const pids = [...daemon.stdout.matchAll(/"pid":(\d+),"event":"clickhouse_engine_ready"/g)];
  const pid = Number(pids.at(-1)?.[1]);
  try {
    process.kill(pid, 'SIGKILL');
    return 1;
  } catch {
    return 0;
  }
}

async function audit(daemon: RunningDaemon, senders: readonly Sender[]): Promise<Omit<CrashReport, 'daemon_kills' | 'engine_kills'>> {
  await until('everything is delivered', DELIVERED_MS_MAX, async () => {
    const metrics = await (await fetch(daemon.adminUrl('/metrics'))).text();
    return /^penstock_delivery_lag_seconds 0$/m.test(metrics);
  });
  const rows = await daemon.query<{ distinct_id: string; times: string | number }>(
    'SELECT distinct_id, count() AS times FROM deploy_events GROUP BY distinct_id',
  );
  const present = new Set(rows.map((row) => row.distinct_id));
  const acknowledged = senders.flatMap((sender) => sender.acknowledged);
  await daemon.stop();
  return {
    sent: senders.reduce((sum, sender) => sum + sender.sent, 0),
    acknowledged: acknowledged.length,
    in_clickhouse: present.size,
    duplicates: rows.filter((row) => Number(row.times) > 1).length,
    lost: acknowledged.filter((id) => !present.has(id)).length,
  };
}

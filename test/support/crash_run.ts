/**
 * The daemon under load, killed again and again: itself or its engine, with SIGKILL, at random moments, its start included. At the end every
 * acknowledged event is in ClickHouse exactly once, with the content that was sent.
 */
import { setTimeout } from 'node:timers/promises';
import { DaemonHome, type Owner, type RunningDaemon } from './daemon.ts';
import { type Audit, DeviceLoad } from './device_load.ts';
import { type SeededRandom, seededRandom } from './seeded_random.ts';
import { SinglesLoad } from './singles_load.ts';
import { until } from './until.ts';

export interface CrashPlan {
  readonly seed: number;
  /** Of the daemon. */
  readonly kills: number;
  readonly engine_kills: number;
  /** Of a device between batches; absent: none. */
  readonly pause_ms?: number;
}

export interface CrashReport extends Audit {
  readonly daemon_kills: number;
  readonly engine_kills: number;
  /** Of the acknowledged events those that came one to a request, from each sender of such. */
  readonly singles_acknowledged: readonly number[];
}

const DEVICES = 4;
/** A start takes about half of it, so that kills meet the daemon in every phase. */
const UP_MS_MAX = 3_000;
const ENGINE_UP_MS_MAX = 1_500;
const ENGINE_READY_MS_MAX = 60_000;
const STILL_MS_MAX = 60_000;
const SETTINGS = { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '200', PENSTOCK_SPOOL__SEAL_ROWS_MAX: '500' };

/** @param killed told after each kill how many there were */
export async function crashRun(owner: Owner, plan: CrashPlan, killed: (kills: number) => void = () => undefined): Promise<CrashReport> {
  const random = seededRandom(plan.seed);
  const home = await DaemonHome.createEmpty(owner, SETTINGS);
  const key = await home.createKey('deploy');
  const keys = { webhook: await home.createKey('webhook'), events: await home.createKey('events') };
  let daemon = home.launch();
  const endpoint = {
    post: (path: string, body: string, headers: Readonly<Record<string, string>>) => daemon.post(path, body, headers),
    query: <Row>(sql: string) => daemon.query<Row>(sql),
  };
  const load = new DeviceLoad(endpoint, key, { devices: DEVICES, pause_ms: plan.pause_ms ?? 0 });
  const singles = new SinglesLoad(endpoint, keys);
  owner.after(async () => {
    await Promise.all([load.stop(), singles.stop()]);
  });
  load.start();
  singles.start();
  for (const [index, victim] of victimsOf(plan, random).entries()) {
    if (victim === 'engine') {
      await killEngine(daemon, random);
    } else {
      await setTimeout(random.below(UP_MS_MAX));
      await daemon.stop('SIGKILL');
      daemon = home.launch();
    }
    killed(index + 1);
  }
  await Promise.all([load.stop(), singles.stop()]);
  await daemon.ready(ENGINE_READY_MS_MAX);
  await untilDelivered(daemon, STILL_MS_MAX);
  const of_singles = await singles.audits();
  const audit = sumOf([await load.audit(), ...of_singles]);
  await daemon.stop();
  const singles_acknowledged = of_singles.map(({ acknowledged }) => acknowledged);
  return { daemon_kills: plan.kills, engine_kills: plan.engine_kills, singles_acknowledged, ...audit };
}

function sumOf(audits: readonly Audit[]): Audit {
  const sum = (figure: keyof Audit): number => audits.reduce((total, audit) => total + audit[figure], 0);
  return {
    sent: sum('sent'),
    acknowledged: sum('acknowledged'),
    in_clickhouse: sum('in_clickhouse'),
    duplicates: sum('duplicates'),
    lost: sum('lost'),
    wrong: sum('wrong'),
  };
}

/**
 * Resolves when nothing acknowledged is on its way to ClickHouse any more.
 *
 * @param still_ms_max how long delivery may take for the next segment: on a busy machine a backlog lasts as long as it does
 */
export async function untilDelivered(daemon: RunningDaemon, still_ms_max: number): Promise<void> {
  const figure = (metrics: string, name: string): string => new RegExp(`^${name} (.*)$`, 'm').exec(metrics)?.[1] ?? '';
  let is_delivered = false;
  let rows_left = '';
  while (!is_delivered) {
    await until(`more is delivered than all but ${rows_left} rows`, still_ms_max, async () => {
      const metrics = await (await fetch(daemon.adminUrl('/metrics'))).text();
      const rows_before = rows_left;
      rows_left = figure(metrics, 'penstock_delivery_backlog_rows');
      is_delivered = figure(metrics, 'penstock_delivery_lag_seconds') === '0';
      return is_delivered || rows_left !== rows_before;
    });
  }
}

/** Whom to kill, in which order. */
function victimsOf(plan: CrashPlan, random: SeededRandom): ('daemon' | 'engine')[] {
  const victims: ('daemon' | 'engine')[] = [];
  let engine_left = plan.engine_kills;
  for (let left = plan.kills + plan.engine_kills; left > 0; left--) {
    const is_engine = random.below(left) < engine_left;
    if (is_engine) engine_left--;
    victims.push(is_engine ? 'engine' : 'daemon');
  }
  return victims;
}

/** Waits for an engine to kill, the next one after one that is dead already, and kills it at a random moment of its life. */
async function killEngine(daemon: RunningDaemon, random: SeededRandom): Promise<void> {
  for (let is_killed = false; !is_killed; ) {
    const seen = enginePids(daemon).length;
    await until('the daemon has an engine', ENGINE_READY_MS_MAX, () => enginePids(daemon).length >= Math.max(1, seen));
    await setTimeout(random.below(ENGINE_UP_MS_MAX));
    is_killed = kill(enginePids(daemon).at(-1));
    if (!is_killed) await until('the engine is back', ENGINE_READY_MS_MAX, () => enginePids(daemon).length > seen);
  }
}

/** The engine's processes, oldest first, as the log names them. */
function enginePids(daemon: RunningDaemon): number[] {
  return [...daemon.stdout.matchAll(/"pid":(\d+),"event":"clickhouse_engine_ready"/g)].map(([, pid]) => Number(pid));
}

/** False when there is no such process. */
function kill(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

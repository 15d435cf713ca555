/** The maximum of one size of batch, and what becomes of a multiple of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Starter } from '../load/child.ts';
import { askClickHouse } from '../load/clickhouse.ts';
import { waitUntilQuiet } from '../load/process_usage.ts';
import type { Server } from '../load/servers.ts';
import { SERIAL_DIGITS } from './batch.ts';
import type { CrowdPlan, Report } from './crowd.ts';

const SENDER_PATH = fileURLToPath(new URL('sender.js', import.meta.url));
/** The maximum is the best of these, each as fast as it goes: few leave the daemon without a request at times, and of many it refuses some. */
const MAXIMUM_CONNECTIONS: readonly number[] = [64, 192, 512];
const OVERLOAD_CONNECTIONS = 4000;
const IMPATIENT_OF_TEN = 2;
const WARM_UP_SECONDS = 3;
const LATE_SECONDS_MAX = 60;
/** Beside its seconds. */
const FINISH_MS_MAX = 60_000;
const LANDED_MS_MAX = 120_000;
const LANDED_POLL_MS = 250;
/** A crowd that is later than that has not offered what it was to offer. */
const LATE_P99_MS_MAX = 50;

export interface Overload {
  readonly batch_events: number;
  /** Requests. */
  readonly maximum_per_s: number;
  readonly report: Report;
  /** Acknowledged and not in ClickHouse, by distinct `event_id`. */
  readonly lost_events: number;
  /** Why it cannot be judged: the senders did not offer what they were to. */
  readonly unfit: string | undefined;
}

export interface OverloadPlan {
  readonly batch_events: number;
  readonly seconds: number;
  readonly times: number;
}

type Load = Pick<CrowdPlan, 'device_prefix' | 'requests_per_s' | 'seconds' | 'late_seconds_max'> &
  Partial<Pick<CrowdPlan, 'uncounted_seconds' | 'connections_max'>>;

/** Crowds that send one size of batch to one daemon. */
export class Crowds {
  /** Beginning of the names of all devices. */
  readonly run: string;

  constructor(
    private readonly senders: Starter,
    private readonly server: Server,
    private readonly batch_events: number,
  ) {
    this.run = `${Date.now().toString(36)}-${batch_events}`;
  }

  /** When nothing is left of the load before. */
  async load(load: Load): Promise<Report> {
    await waitUntilQuiet(this.server.child.pid, this.server.quiet_ms);
    return this.loadAtOnce(load);
  }

  async loadAtOnce(load: Load): Promise<Report> {
    const { server, batch_events } = this;
    const shape = { port: server.port, key: server.key, batch_events, impatient_of_ten: IMPATIENT_OF_TEN };
    const plan: CrowdPlan = { ...shape, connections_max: OVERLOAD_CONNECTIONS, uncounted_seconds: 0, ...load };
    const finish_ms_max = (plan.seconds + plan.late_seconds_max) * 1000 + FINISH_MS_MAX;
    return JSON.parse(await this.senders.start('the sender', [SENDER_PATH, JSON.stringify(plan)]).finish(finish_ms_max));
  }

  /** Requests that are acknowledged a second when so many connections have the next sent as soon as the last is answered. */
  async fastest(name: string, connections_max: number, seconds: number): Promise<number> {
    const plan = { device_prefix: `${this.run}-${name}-`, requests_per_s: 0, seconds, connections_max, late_seconds_max: 0 };
    return (await this.load(plan)).acknowledged / seconds;
  }

  /** What becomes of more than a daemon can take. */
  async overload(
    maximum_per_s: number,
    load: Pick<CrowdPlan, 'requests_per_s' | 'seconds' | 'uncounted_seconds' | 'late_seconds_max'>,
  ): Promise<Overload> {
    const { server, batch_events } = this;
    const device_prefix = `${this.run}-over-`;
    const report = await this.loadAtOnce({ device_prefix, ...load });
    const unfit = report.late_p99_ms > LATE_P99_MS_MAX ? lateMessage(load.requests_per_s, report) : undefined;
    const lost_events = await countLost(server, device_prefix, batch_events, report.serials);
    return { batch_events, maximum_per_s, report, lost_events, unfit };
  }
}

/** Of what is acknowledged at most: all goes into the spool, which is not full by the end. */
export async function measureOverload(senders: Starter, server: Server, { batch_events, seconds, times }: OverloadPlan): Promise<Overload> {
  const crowds = new Crowds(senders, server, batch_events);
  await crowds.fastest('warm', MAXIMUM_CONNECTIONS[0], WARM_UP_SECONDS);
  let maximum_per_s = 0;
  for (const connections of MAXIMUM_CONNECTIONS) {
    const per_s = await crowds.fastest(`fast${connections}`, connections, seconds);
    process.stderr.write(`${batch_events} events, ${connections} connections: ${per_s.toFixed(0)} requests/s\n`);
    maximum_per_s = Math.max(maximum_per_s, per_s);
  }
  const requests_per_s = Math.round(maximum_per_s * times);
  await waitUntilQuiet(server.child.pid, server.quiet_ms);
  return crowds.overload(maximum_per_s, { requests_per_s, seconds, uncounted_seconds: 0, late_seconds_max: LATE_SECONDS_MAX });
}

function lateMessage(requests_per_s: number, { late_p99_ms, core_share }: Report): string {
  return (
    `not judged: the senders were to begin ${requests_per_s} requests a second, and began them ${late_p99_ms.toFixed(0)} ms late (p99, at most ` +
    `${LATE_P99_MS_MAX}) with ${(core_share * 100).toFixed(0)} % of a core. What became of less says nothing: offer less (--times) or more events a request`
  );
}

/** Events of acknowledged requests that do not come within two minutes, each known by its identity. */
async function countLost(server: Server, prefix: string, batch_events: number, serials: readonly number[]): Promise<number> {
  const query =
    `SELECT toUInt32(substring(distinct_id, ${prefix.length + 1}, ${SERIAL_DIGITS})) AS serial, uniqExact(event_id) ` +
    `FROM penstock.deploy_events WHERE startsWith(distinct_id, '${prefix}') GROUP BY serial FORMAT JSONCompactEachRow`;
  let lost = Number.NaN;
  for (let waited_ms = 0; waited_ms < LANDED_MS_MAX; waited_ms += LANDED_POLL_MS) {
    const lines = (await askClickHouse(server, query)).split('\n').filter((line) => line !== '');
    const present = new Map(lines.map((line): [number, number] => readPair(JSON.parse(line))));
    lost = serials.reduce((sum, serial) => sum + batch_events - Math.min(batch_events, present.get(serial) ?? 0), 0);
    if (lost === 0) return 0;
    await sleep(LANDED_POLL_MS);
  }
  return lost;
}

function readPair(row: readonly unknown[]): [number, number] {
  return [Number(row[0]), Number(row[1])];
}

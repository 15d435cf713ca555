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
const FINISH_MS_MAX = 150_000;
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

type Load = Pick<CrowdPlan, 'device_prefix' | 'requests_per_s' | 'seconds' | 'connections_max' | 'late_seconds_max'>;

export async function measureOverload(senders: Starter, server: Server, plan: OverloadPlan): Promise<Overload> {
  const { batch_events, seconds, times } = plan;
  const run = `${Date.now().toString(36)}-${batch_events}`;
  const load = async (more: Load): Promise<Report> => {
    const whole: CrowdPlan = { port: server.port, key: server.key, batch_events, impatient_of_ten: IMPATIENT_OF_TEN, ...more };
    await waitUntilQuiet(server.child.pid, server.quiet_ms);
    return JSON.parse(await senders.start('the sender', [SENDER_PATH, JSON.stringify(whole)]).finish(FINISH_MS_MAX));
  };
  const as_fast = async (name: string, connections_max: number, seconds: number): Promise<number> => {
    const plan = { device_prefix: `${run}-${name}-`, requests_per_s: 0, seconds, connections_max, late_seconds_max: 0 };
    return (await load(plan)).acknowledged / seconds;
  };
  await as_fast('warm', MAXIMUM_CONNECTIONS[0], WARM_UP_SECONDS);
  let maximum_per_s = 0;
  for (const connections of MAXIMUM_CONNECTIONS) {
    const per_s = await as_fast(`fast${connections}`, connections, seconds);
    process.stderr.write(`${batch_events} events, ${connections} connections: ${per_s.toFixed(0)} requests/s\n`);
    maximum_per_s = Math.max(maximum_per_s, per_s);
  }
  const device_prefix = `${run}-over-`;
  const requests_per_s = Math.round(maximum_per_s * times);
  const report = await load({
    ...{ device_prefix, requests_per_s, seconds },
    ...{ connections_max: OVERLOAD_CONNECTIONS, late_seconds_max: LATE_SECONDS_MAX },
  });
  const unfit = report.late_p99_ms > LATE_P99_MS_MAX ? lateMessage(requests_per_s, report) : undefined;
  const lost_events = await countLost(server, device_prefix, batch_events, report.serials);
  return { batch_events, maximum_per_s, report, lost_events, unfit };
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

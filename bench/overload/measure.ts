/** The maximum of one size of batch, and what becomes of a multiple of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Children } from '../load/child.ts';
import { waitUntilQuiet } from '../load/process_usage.ts';
import type { Server } from '../load/servers.ts';
import { SERIAL_DIGITS } from './batch.ts';
import type { Report, SenderPlan } from './sender.ts';

const SENDER_PATH = fileURLToPath(new URL('sender.js', import.meta.url));
/** As fast as it goes: enough that the daemon is never without a request. */
const MAXIMUM_CONNECTIONS = 512;
const OVERLOAD_CONNECTIONS = 2000;
const IMPATIENT_OF_TEN = 2;
const WARM_UP_SECONDS = 3;
const FINISH_MS_MAX = 150_000;
const LANDED_MS_MAX = 120_000;
const LANDED_POLL_MS = 250;

export interface Overload {
  readonly batch_events: number;
  /** Requests. */
  readonly maximum_per_s: number;
  readonly report: Report;
  /** Acknowledged and not in ClickHouse, by distinct `event_id`. */
  readonly lost_events: number;
}

export interface OverloadPlan {
  readonly batch_events: number;
  readonly seconds: number;
  readonly times: number;
}

export async function measureOverload(children: Children, server: Server, plan: OverloadPlan): Promise<Overload> {
  const { batch_events, seconds, times } = plan;
  const run = `${Date.now().toString(36)}-${batch_events}`;
  const load = (name: string, more: Pick<SenderPlan, 'requests_per_s' | 'seconds' | 'connections_max'>): Promise<Report> =>
    send(children, server, { device_prefix: `${run}-${name}-`, batch_events, ...more });
  await load('warm', { requests_per_s: 0, seconds: WARM_UP_SECONDS, connections_max: MAXIMUM_CONNECTIONS });
  const fast = await load('fast', { requests_per_s: 0, seconds, connections_max: MAXIMUM_CONNECTIONS });
  const maximum_per_s = fast.acknowledged / seconds;
  process.stderr.write(`${batch_events} events: at most ${maximum_per_s.toFixed(0)} requests/s\n`);
  await waitUntilQuiet(server.child.pid, server.quiet_ms);
  const report = await load('over', { requests_per_s: Math.round(maximum_per_s * times), seconds, connections_max: OVERLOAD_CONNECTIONS });
  return { batch_events, maximum_per_s, report, lost_events: await countLost(server, `${run}-over-`, batch_events, report.serials) };
}

async function send(
  children: Children,
  server: Server,
  load: Pick<SenderPlan, 'device_prefix' | 'batch_events' | 'requests_per_s' | 'seconds' | 'connections_max'>,
): Promise<Report> {
  const plan: SenderPlan = { port: server.port, key: server.key, impatient_of_ten: IMPATIENT_OF_TEN, ...load };
  return JSON.parse(await children.start('the sender', [SENDER_PATH, JSON.stringify(plan)]).finish(FINISH_MS_MAX));
}

/** Events of acknowledged requests that do not come within two minutes, each known by its identity. */
async function countLost({ clickhouse_url }: Server, prefix: string, batch_events: number, serials: readonly number[]): Promise<number> {
  const query =
    `SELECT toUInt32(substring(distinct_id, ${prefix.length + 1}, ${SERIAL_DIGITS})) AS serial, uniqExact(event_id) ` +
    `FROM penstock.deploy_events WHERE startsWith(distinct_id, '${prefix}') GROUP BY serial FORMAT JSONCompactEachRow`;
  let lost = Number.NaN;
  for (let waited_ms = 0; waited_ms < LANDED_MS_MAX; waited_ms += LANDED_POLL_MS) {
    const answer = await fetch(`${clickhouse_url}/?query=${encodeURIComponent(query)}`);
    if (answer.status !== 200) throw new Error(`ClickHouse answers ${answer.status} ${await answer.text()}`);
    const lines = (await answer.text()).split('\n').filter((line) => line !== '');
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

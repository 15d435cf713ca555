/** One upload into a daemon that serves somebody else meanwhile, and what both of them and the daemon's memory saw of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Child, Children } from '../load/child.ts';
import { askClickHouse } from '../load/clickhouse.ts';
import { readCpuUs, readResidentBytes, waitUntilQuiet } from '../load/process_usage.ts';
import type { Server } from '../load/servers.ts';
import { devicePrefix, type Form } from './bodies.ts';
import type { Probe } from './second_client.ts';
import type { Made, Sent } from './sender.ts';

const SENDER_PATH = fileURLToPath(new URL('sender.js', import.meta.url));
const SECOND_CLIENT_PATH = fileURLToPath(new URL('second_client.js', import.meta.url));
const MADE_MS_MAX = 120_000;
const SENT_MS_MAX = 120_000;
const LANDED_MS_MAX = 120_000;
const LANDED_POLL_MS = 200;
const MEMORY_POLL_MS = 10;
/** The second client alone, before. */
const ALONE_MS = 1000;

export interface Upload {
  readonly form: Form;
  readonly events: number;
  readonly sent_bytes: number;
  readonly unfolded_bytes: number;
  /** Until its answer. */
  readonly duration_ms: number;
  /** User and system time of the daemon and of the sender until then. */
  readonly server_cpu_us: number;
  readonly sender_cpu_us: number;
  /** The most that the daemon's resident memory was above what it was before: until the answer, and until all is in ClickHouse. */
  readonly memory_bytes: number;
  readonly memory_landing_bytes: number;
  /** Of the second client: before, during the upload, and from then until all is in ClickHouse. */
  readonly alone_p99_ms: number;
  readonly during_p99_ms: number;
  readonly landing_p99_ms: number;
  readonly during_max_ms: number;
  /** From the answer until all is in ClickHouse; undefined for a server without one. */
  readonly landing_ms: number | undefined;
}

export interface Plan {
  readonly form: Form;
  readonly bytes: number;
  /** Differs from upload to upload. */
  readonly seed: number;
}

/** Rejects when the upload is not answered 202 with all of its events, or these do not arrive. */
export async function measureUpload(children: Children, server: Server, plan: Plan): Promise<Upload> {
  const sender = children.start('the sender', [SENDER_PATH, server.port, server.key, plan.form, plan.bytes, plan.seed].map(String));
  const made: Made = JSON.parse(await withDeadline(sender.firstLine(), MADE_MS_MAX, 'the body'));
  await waitUntilQuiet(server.child.pid, server.quiet_ms);
  const second = server.clickhouse_url === undefined ? undefined : await startSecondClient(children, server, plan.seed);
  const memory = new MemoryWatch(server.child);
  const before_us = await readCpuUs(server.child.pid);
  sender.proceed();
  const [, line = ''] = (await sender.finish(SENT_MS_MAX)).split('\n');
  const server_cpu_us = (await readCpuUs(server.child.pid)) - before_us;
  const sent: Sent = JSON.parse(line);
  const memory_bytes = memory.moreBytes();
  if (sent.status !== 202) throw new Error(`the upload was answered ${sent.status} ${sent.body}`);
  const answered_at_ms = sent.started_at_ms + sent.duration_ms;
  await waitForRows(server, devicePrefix(plan.seed), made.events);
  const landed_at_ms = Date.now();
  const memory_landing_bytes = memory.stop();
  second?.proceed();
  const probes: Probe[] = second === undefined ? [] : JSON.parse(await second.finish(SENT_MS_MAX));
  const between = (from_ms: number, to_ms: number): number[] =>
    probes
      .filter(({ at_ms }) => at_ms >= from_ms && at_ms < to_ms)
      .map(({ latency_ms, status }) => (status === 202 ? latency_ms : Infinity));
  const during = between(sent.started_at_ms, answered_at_ms);
  return {
    form: plan.form,
    ...made,
    duration_ms: sent.duration_ms,
    server_cpu_us,
    sender_cpu_us: sent.cpu_us,
    memory_bytes,
    memory_landing_bytes,
    alone_p99_ms: quantile(between(0, sent.started_at_ms), 0.99),
    during_p99_ms: quantile(during, 0.99),
    during_max_ms: quantile(during, 1),
    landing_p99_ms: quantile(between(answered_at_ms, landed_at_ms), 0.99),
    landing_ms: server.clickhouse_url === undefined ? undefined : landed_at_ms - answered_at_ms,
  };
}

async function startSecondClient(children: Children, server: Server, seed: number): Promise<Child> {
  const child = children.start('the second client', [SECOND_CLIENT_PATH, server.port, server.key, seed + 1].map(String));
  await sleep(ALONE_MS);
  return child;
}

/** Follows the daemon's resident memory from now on. */
class MemoryWatch {
  private readonly timer: NodeJS.Timeout;
  private before_bytes: number | undefined;
  private most_bytes = 0;

  constructor(child: Child) {
    this.timer = setInterval(() => {
      void readResidentBytes(child.pid).then(
        (bytes) => {
          this.before_bytes ??= bytes;
          this.most_bytes = Math.max(this.most_bytes, bytes);
        },
        // A daemon that has ended has no memory; why it has, or is ended, is told by whoever waits for it.
        () => clearInterval(this.timer),
      );
    }, MEMORY_POLL_MS);
  }

  moreBytes(): number {
    return this.most_bytes - (this.before_bytes ?? this.most_bytes);
  }

  stop(): number {
    clearInterval(this.timer);
    return this.moreBytes();
  }
}

/** Resolves when all events of the devices with this name are in ClickHouse. */
async function waitForRows(server: Server, device_prefix: string, rows: number): Promise<void> {
  if (server.clickhouse_url === undefined) return;
  const query = `SELECT count() FROM penstock.deploy_events WHERE startsWith(distinct_id, '${device_prefix}')`;
  for (let waited_ms = 0; waited_ms < LANDED_MS_MAX; waited_ms += LANDED_POLL_MS) {
    if (Number(await askClickHouse(server, query)) === rows) return;
    await sleep(LANDED_POLL_MS);
  }
  throw new Error(`the events are not in ClickHouse ${LANDED_MS_MAX / 1000} s after they were acknowledged`);
}

/** The value that `share` of them do not exceed; NaN of none. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

async function withDeadline<Result>(promise: Promise<Result>, ms_max: number, what: string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms_max / 1000} s`)), ms_max);
  });
  return Promise.race([promise, deadline]).finally(() => clearTimeout(timer));
}

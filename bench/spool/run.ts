/**
 * `npm run bench:spool -- --gigabytes G`: what an outage leaves behind. Fills a spool, starts the daemon on it with ClickHouse away, and then with
 * ClickHouse there, and measures how soon it answers, what memory it takes beside a daemon with an empty spool, how fast the backlog drains, and
 * how long new events wait for their answer meanwhile. Exit 1 when a target is missed. Loopback only; Linux, for /proc.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { NodeFs } from '../../src/pipeline/spool/node_fs.ts';
import { Spool } from '../../src/pipeline/spool/spool.ts';
import { SlabProcessor } from '../../src/pipeline/worker/slab_processor.ts';
import { DEPLOY_EVENTS } from '../../src/sources/deploy_report/table.ts';
import { SOURCES } from '../../src/sources/list.ts';
import { DaemonHome, type Owner, type RunningDaemon, type Settings } from '../../test/support/daemon.ts';
import { readResidentBytes } from '../load/process_usage.ts';
import { createBodies, createTask } from '../micro/batch.ts';

const GB = 1e9;
const MB = 1e6;
const START_S_MAX = 2;
const MORE_MEMORY_MB_MAX = 100;
const AT_REST_AFTER_MS = 3000;
const DRAIN_MS_MAX = 30_000;
const SAMPLE_MS = 50;
/** Nothing listens there. */
const AWAY: Settings = { PENSTOCK_CLICKHOUSE__URL: 'http://127.0.0.1:9' };

/** Writes segments as the daemon does, and leaves the last one open as a dead process would. Resolves to their bytes. */
async function fill(data_dir: string, wanted_bytes: number): Promise<number> {
  const observer = {
    synced: () => undefined,
    groupCommitted: () => undefined,
    sealed: () => undefined,
    incident: () => undefined,
    deadLettered: () => undefined,
    replayed: () => undefined,
  };
  const random = { fraction: Math.random, uuid: () => crypto.randomUUID() };
  const options = {
    data_dir,
    ack: 'memory',
    bytes_max: Number.MAX_SAFE_INTEGER,
    reserve_bytes: 0,
    free_bytes_min: 0,
    queued_bytes_max: GB,
    held_bytes_max: 128 * 2 ** 20,
    group_delay_ms_max: 0,
    seal_rows_max: 500_000,
    seal_bytes_max: 64 * 2 ** 20,
    seal_age_ms_max: 3_600_000,
    unfiled_segments_max: 0,
    spare_records_min: Number.POSITIVE_INFINITY,
  } as const;
  const spool = new Spool({ fs: new NodeFs(), clock: SYSTEM_CLOCK, random, observer }, options, [DEPLOY_EVENTS]);
  await spool.start();
  const { output, blocks } = new SlabProcessor(SOURCES, new Kernel()).process(createTask(createBodies(40, 100)));
  const [block] = blocks;
  if (block === undefined) throw new Error('the events made no block');
  const bytes = new Uint8Array(output, block.offset, block.bytes);
  while (spool.stats().spool_bytes < wanted_bytes) {
    await Promise.all(Array.from({ length: 8 }, () => spool.append({ table: block.table, month: 202601, rows: block.rows, bytes })));
    // The spool seals in the background; without a pause closed segments would only pile up.
    while (spool.stats().unsealed_segments > 2) await sleep(SAMPLE_MS);
  }
  await spool.close();
  return spool.stats().spool_bytes;
}

interface AtRest {
  readonly start_s: number;
  readonly resident_bytes: number;
}

async function startAway(home: DaemonHome): Promise<AtRest> {
  const started_ms = performance.now();
  const daemon = await home.start(AWAY);
  const start_s = (performance.now() - started_ms) / 1000;
  await sleep(AT_REST_AFTER_MS);
  const resident_bytes = await readResidentBytes(daemon.child.pid ?? 0);
  await daemon.stop('SIGKILL');
  return { start_s, resident_bytes };
}

interface Drain {
  readonly seconds: number;
  readonly drained_bytes: number;
  readonly resident_bytes_max: number;
  readonly answer_p99_ms: number;
}

/** Lets it drain for a while, or to the end, with one event after the other sent meanwhile. */
async function drain(home: DaemonHome, key: string): Promise<Drain> {
  const daemon = await home.start();
  const before_bytes = await spoolBytes(daemon);
  const started_ms = performance.now();
  const answers_ms: number[] = [];
  let resident_bytes_max = 0;
  let left_bytes = before_bytes;
  while (left_bytes > MB && performance.now() - started_ms < DRAIN_MS_MAX) {
    answers_ms.push(await answerMs(daemon, key, answers_ms.length));
    resident_bytes_max = Math.max(resident_bytes_max, await readResidentBytes(daemon.child.pid ?? 0));
    left_bytes = await spoolBytes(daemon);
    await sleep(SAMPLE_MS);
  }
  const seconds = (performance.now() - started_ms) / 1000;
  await daemon.stop('SIGKILL');
  const p99 = answers_ms.toSorted((left, right) => left - right)[Math.floor(answers_ms.length * 0.99)] ?? Number.NaN;
  return { seconds, drained_bytes: before_bytes - left_bytes, resident_bytes_max, answer_p99_ms: p99 };
}

async function answerMs(daemon: RunningDaemon, key: string, index: number): Promise<number> {
  const body = JSON.stringify({ events: [{ event_type: 'rollback', release_id: 'r', distinct_id: `new-${index}` }] });
  const sent_ms = performance.now();
  const answer = await daemon.post('/api/deploy/report', body, { 'x-api-key': key });
  if (answer.status !== 202) throw new Error(`a new event was answered ${answer.status}`);
  return performance.now() - sent_ms;
}

async function spoolBytes(daemon: RunningDaemon): Promise<number> {
  const answer: { spool: { bytes: number } } = JSON.parse(await (await fetch(daemon.url('/readyz'))).text());
  return answer.spool.bytes;
}

async function run(owner: Owner, gigabytes: number): Promise<boolean> {
  const empty = await startAway(await DaemonHome.create(owner));
  const home = await DaemonHome.create(owner, { PENSTOCK_SPOOL__BYTES_MAX: '64 GiB' });
  const key = await home.createKey('deploy');
  await mkdir(join(home.data_dir, 'spool'), { recursive: true, mode: 0o700 });
  process.stderr.write(`filling a spool with ${gigabytes} GB\n`);
  const spool_bytes = await fill(home.data_dir, gigabytes * GB);
  const full = await startAway(home);
  process.stderr.write('draining it\n');
  const drained = await drain(home, key);
  const more_mb = (full.resident_bytes - empty.resident_bytes) / MB;
  const lines: readonly [string, string][] = [
    ['spool, GB', (spool_bytes / GB).toFixed(2)],
    [`first answer, s (target ≤ ${START_S_MAX}; empty spool ${empty.start_s.toFixed(2)})`, full.start_s.toFixed(2)],
    [`more memory than with an empty spool, MB (target ≤ ${MORE_MEMORY_MB_MAX})`, more_mb.toFixed(0)],
    ['memory with an empty spool, MB', (empty.resident_bytes / MB).toFixed(0)],
    ['most memory while draining, MB', (drained.resident_bytes_max / MB).toFixed(0)],
    ['drained, MB/s', (drained.drained_bytes / MB / drained.seconds).toFixed(0)],
    ['answer to a new event while draining, p99, ms', drained.answer_p99_ms.toFixed(1)],
  ];
  process.stdout.write(lines.map(([name, value]) => `${name.padEnd(66)}${value.padStart(8)}\n`).join(''));
  return full.start_s <= START_S_MAX && more_mb <= MORE_MEMORY_MB_MAX;
}

const { values } = parseArgs({ options: { gigabytes: { type: 'string', default: '5' } } });
const gigabytes = Number(values.gigabytes);
if (!(gigabytes > 0 && gigabytes <= 60)) {
  process.stderr.write('Usage: npm run bench:spool -- [--gigabytes G], G up to 60 (default 5)\n');
  process.exitCode = 2;
} else {
  const cleanups: (() => Promise<void>)[] = [];
  try {
    process.exitCode = (await run({ after: (callback) => cleanups.push(callback) }, gigabytes)) ? 0 : 1;
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

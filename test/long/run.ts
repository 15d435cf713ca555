/**
 * `npm run test:long -- --seconds N --seed S`: fault, model and fuzz tests for as long as they are given, an equal part of the time each, with
 * seeds counted up from S. The first failure ends it and says the seed.
 */
import { parseArgs } from 'node:util';
import { fuzzBatches } from '../support/batch_fuzz.ts';
import { crashRun } from '../support/crash_run.ts';
import type { Owner } from '../support/daemon.ts';
import type { Audit } from '../support/device_load.ts';
import { HttpFuzz } from '../support/http_fuzz.ts';
import { KernelComparison } from '../support/kernel_comparison.ts';
import { proxyRun } from '../support/proxy_run.ts';
import { runSpoolModel } from '../support/spool_model.ts';
import { droppedCrowd, idleCrowd } from '../support/stream_crowd.ts';

const FUZZ_CASES = 10_000;
const KERNEL_BODIES = 5_000;
const KILLS = 5;
const ENGINE_KILLS = 2;
const STAGES = 7;
const HTTP_REQUESTS = 20_000;
const CROWD = { idle: 10_000, idle_bytes_max: 150e6, dropped: 20_000, growth_max: 0.1, rate: 2000, seconds: 20 };
const PROXY_RUN = { faulty_ms: 20_000, kills: 2 };

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } } });
const seconds = Number(values.seconds);
const first_seed = Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(first_seed)) {
  process.stderr.write('Usage: npm run test:long -- --seconds N --seed S\n');
  process.exit(2);
}

let passed = 0;

/** Calls `run` with one seed after the other until its share of the time is over. */
async function stage(name: string, run: (seed: number) => void | Promise<void>): Promise<void> {
  const until_ms = performance.now() + (seconds * 1000) / STAGES;
  let seed = first_seed;
  do {
    await run(seed++);
    passed++;
  } while (performance.now() < until_ms);
  process.stdout.write(`${name}: seeds ${first_seed} to ${seed - 1}\n`);
}

/** One run of a daemon; says what came of it, and throws unless the books balance. */
async function audited(name: string, seed: number, run: (owner: Owner) => Promise<Audit>): Promise<void> {
  const cleanups: (() => Promise<void>)[] = [];
  try {
    const { sent, acknowledged, in_clickhouse, duplicates, lost, wrong } = await run({ after: (callback) => cleanups.push(callback) });
    const line = Object.entries({ sent, acknowledged, in_clickhouse, duplicates, lost, wrong }).map(([what, count]) => `${what} ${count}`);
    process.stdout.write(`${name} seed=${seed}: ${line.join(', ')}\n`);
    if (lost + duplicates + wrong > 0) throw new Error(`${name} seed=${seed}: an acknowledged event was lost, doubled or changed`);
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

function crash(seed: number): Promise<void> {
  return audited('crash', seed, (owner) => crashRun(owner, { seed, kills: KILLS, engine_kills: ENGINE_KILLS }));
}

function failingNetwork(seed: number): Promise<void> {
  return audited('proxy', seed, (owner) => proxyRun(owner, { seed, ...PROXY_RUN }));
}

async function hostileHttp(seed: number): Promise<void> {
  const cleanups: (() => Promise<void>)[] = [];
  try {
    const owner: Owner = { after: (callback) => cleanups.push(callback) };
    const { requests, acknowledged, in_clickhouse } = await HttpFuzz.run(owner, { seed, requests: HTTP_REQUESTS });
    process.stdout.write(`http seed=${seed}: requests ${requests}, acknowledged ${acknowledged}, in_clickhouse ${in_clickhouse}\n`);
  } catch (error) {
    throw new Error(`http seed=${seed}`, { cause: error });
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

async function crowd(seed: number): Promise<void> {
  const cleanups: (() => Promise<void>)[] = [];
  const owner: Owner = { after: (callback) => cleanups.push(callback) };
  try {
    const { added_bytes } = await idleCrowd(owner, CROWD.idle);
    const { dropped: connections, ...plan } = CROWD;
    const { growth } = await droppedCrowd(owner, { seed, connections, ...plan });
    const figures = `${CROWD.idle} idle connections took ${added_bytes} bytes, ${CROWD.dropped} dropped ones left ${(growth * 100).toFixed(1)} %`;
    process.stdout.write(`crowd seed=${seed}: ${figures}\n`);
    if (added_bytes > CROWD.idle_bytes_max) throw new Error(`crowd seed=${seed}: ${figures}`);
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

function compareKernel(seed: number): void {
  const comparison = new KernelComparison(seed);
  while (comparison.seen.requests < KERNEL_BODIES) comparison.step();
}

let failed = 0;
try {
  await stage('batch fuzz', (seed) => fuzzBatches(seed, FUZZ_CASES));
  await stage(`kernel against JSON.parse and AJV, ${KERNEL_BODIES} bodies each`, compareKernel);
  await stage('spool model', runSpoolModel);
  await stage('kill -9 under load', crash);
  await stage('a failing network before ClickHouse', failingNetwork);
  await stage('random HTTP', hostileHttp);
  await stage('streams, idle and dropped', crowd);
} catch (error) {
  failed = 1;
  process.stdout.write(`${error instanceof Error ? error.stack : String(error)}\n`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed;

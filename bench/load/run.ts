/**
 * `npm run bench:load`: the targets, end to end. Starts the raw peer and the daemon, loads them in turn with the same load,
 * prints what each used and which target that meets, and writes it to a report. Exit 0: all met, 1: one missed or the bench
 * failed, 2: wrong usage. Loopback only; whatever it starts it ends.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { measureKernel } from '../micro/kernel.ts';
import { measureTwoWorkers } from '../micro/workers.ts';
import { type Children, withChildren } from './child.ts';
import { runCommand } from './command.ts';
import { formatFilled, measureFilled } from './filled.ts';
import { fullRate, measureHalfLoads } from './half_load.ts';
import { type Contestant, measureRounds } from './measure.ts';
import { type BenchOptions, HELP, readOptions } from './options.ts';
import { readResidentBytes, waitUntilQuiet } from './process_usage.ts';
import { type BenchReport, formatReport, htmlReport, type Machine } from './report.ts';
import { startDaemon, startFastify, startRaw } from './servers.ts';
import { formatSingles, measureSingles, type SinglesSource } from './singles.ts';
import { judgeTargets, summarize } from './targets.ts';

const RESIDENT_MEASURED_AFTER_MS = 1500;
const HALF_LOAD_BATCH_EVENTS = 100;

/** Runs the bench and resolves to its exit code. */
function runBench(options: BenchOptions): Promise<number> {
  return withChildren('penstock-bench-', async (children, directory) => {
    const { source } = options;
    if (source === 'release_events' && options.versions > 0) return await benchFilled(options, children, directory);
    if (source !== 'deploy_report') return await benchSingles(source, options, children, directory);
    const report = await bench(options, children, directory);
    await writeReport(options, report);
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : formatReport(report));
    return report.verdicts.every((verdict) => verdict.met) ? 0 : 1;
  });
}

async function benchSingles(source: SinglesSource, options: BenchOptions, children: Children, directory: string): Promise<number> {
  const report = await measureSingles(children, directory, { ...options, source }, say);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : formatSingles(report));
  return report.verdicts.every(({ is_met }) => is_met) ? 0 : 1;
}

async function benchFilled(options: BenchOptions, children: Children, directory: string): Promise<number> {
  const report = await measureFilled(children, directory, options, say);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : formatFilled(report));
  return report.verdicts.every(({ is_met }) => is_met) ? 0 : 1;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Starts what is compared, measures and judges. */
async function bench(options: BenchOptions, children: Children, directory: string): Promise<BenchReport> {
  say('the kernel alone');
  const kernel = await measureKernel();
  const two_workers_share = await measureTwoWorkers();
  const daemon = await startDaemon(children, directory, 'disk');
  await waitUntilQuiet(daemon.child.pid, RESIDENT_MEASURED_AFTER_MS);
  const resident_bytes_at_rest = await readResidentBytes(daemon.child.pid);
  const daemon_memory = await startDaemon(children, directory, 'memory');
  const fastify = await startFastify(children, daemon_memory.clickhouse_url ?? '');
  const contestants: Contestant[] = [];
  for (const batch_events of options.batches) {
    const raw = await startRaw(children, batch_events);
    contestants.push(...[raw, daemon, daemon_memory, fastify].map((server) => ({ server, batch_events })));
  }
  const plan = { rounds: options.rounds, seconds: options.seconds, seed: Date.now() };
  const samples = await measureRounds(children, contestants, plan, say);
  const is_measured = options.batches.includes(HALF_LOAD_BATCH_EVENTS);
  const half_loaded = { server: daemon, batch_events: HALF_LOAD_BATCH_EVENTS };
  const half_loads = is_measured
    ? await measureHalfLoads(children, half_loaded, fullRate(half_loaded, samples), { ...plan, merging: [daemon, daemon_memory] }, say)
    : undefined;
  return {
    machine: describeMachine(),
    rounds: options.rounds,
    seconds: options.seconds,
    verdicts: judgeTargets({ samples, resident_bytes_at_rest, half_loads, kernel, two_workers_share }),
    summaries: summarize(samples),
  };
}

async function writeReport(options: BenchOptions, report: BenchReport): Promise<void> {
  await mkdir(options.report_directory, { recursive: true });
  await writeFile(join(options.report_directory, 'load.html'), htmlReport(report));
  await writeFile(join(options.report_directory, 'load.json'), `${JSON.stringify(report, null, 2)}\n`);
  process.stderr.write(`report: ${join(options.report_directory, 'load.html')}\n\n`);
}

function describeMachine(): Machine {
  const cores = cpus();
  return {
    processor: cores[0]?.model.trim() ?? 'unknown processor',
    cores: cores.length,
    memory_bytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    measured_at: new Date().toISOString(),
  };
}

await runCommand({ name: 'bench:load', help: HELP, readOptions, run: runBench });

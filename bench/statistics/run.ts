/**
 * `npm run bench:statistics`: how long a daemon takes to answer for release statistics over a long history, and how far the list's
 * estimates are from the truth. Exit 0: all targets met, 1: one missed or the bench failed, 2: wrong usage. Whatever it starts it ends.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Children } from '../load/child.ts';
import { askClickHouse } from '../load/clickhouse.ts';
import { type Server, startDaemon } from '../load/servers.ts';
import { formatTable } from '../load/table.ts';
import { BIGGEST, LARGE_RELEASE, SLICE_ROWS, SMALL_RELEASE, sliceStatement, TEMPLATE_STATEMENTS } from './fleet.ts';
import { measureInserts } from './insert_cost.ts';
import { HELP, readOptions, type StatisticsBenchOptions } from './options.ts';

const TARGETS_MS = { release: 300, list: 500 } as const;
const ERROR_MAX = 0.02;

interface Stats {
  readonly downloads: number;
  readonly installs: number;
  readonly rollbacks: number;
  readonly crashes: number;
  readonly unique_devices: number;
}

interface Release {
  readonly release_id: string;
  readonly stats: Stats;
}

class Bench {
  constructor(private readonly server: Server) {}

  /** Runs a statement in the daemon's ClickHouse, and resolves to its answer. */
  run(sql: string): Promise<string> {
    return askClickHouse(this.server, sql);
  }

  list(query = ''): Promise<{ readonly releases: readonly Release[] }> {
    return this.get(query);
  }

  one(release_id: string, query = ''): Promise<Release> {
    return this.get(`/${release_id}${query}`);
  }

  private async get<Answer>(path: string): Promise<Answer> {
    const url = `http://127.0.0.1:${this.server.port}/api/v1/deploy/releases${path}`;
    const answer = await fetch(url, { headers: { 'x-api-key': this.server.key } });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    const value: Answer = JSON.parse(await answer.text());
    return value;
  }
}

async function runBench(options: StatisticsBenchOptions): Promise<number> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'penstock-statistics-')));
  await mkdir(directory, { recursive: true });
  const children = new Children();
  try {
    const bench = new Bench(await startDaemon(children, directory, 'disk', 'read', BIGGEST));
    await prepare(bench, options.slices);
    const are_met = await measureTimes(bench, options.rounds);
    await reportInserts(bench);
    const error = await worstError(bench);
    process.stdout.write(`worst estimate in the list: ${(error * 100).toFixed(2)} % off (target ≤ ${ERROR_MAX * 100} %)\n`);
    return are_met && error <= ERROR_MAX ? 0 : 1;
  } finally {
    await children.stopAll();
    if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
  }
}

/** Brings the history to what was asked for. */
async function prepare(bench: Bench, slices: number): Promise<void> {
  const present = Math.round(Number(await bench.run('SELECT count() FROM penstock.deploy_events')) / SLICE_ROWS);
  if (present === 0) for (const statement of TEMPLATE_STATEMENTS) await bench.run(statement);
  for (let slice = present; slice < slices; slice++) {
    const started_ms = performance.now();
    await bench.run(sliceStatement(slice, slices));
    progress(`slice ${slice + 1} of ${slices}: ${Math.round(performance.now() - started_ms)} ms`);
  }
}

/** Whether the targets are met. */
async function measureTimes(bench: Bench, rounds: number): Promise<boolean> {
  const { list, release } = TARGETS_MS;
  const range = '?from=2026-09-20T10:30:00Z&to=2026-11-05T08:20:00Z';
  const questions: [string, number | undefined, () => Promise<unknown>][] = [
    ['releases of the biggest project', list, () => bench.list()],
    ['all of them', undefined, () => bench.list('?limit=1000')],
    ['of one platform', list, () => bench.list('?platform=ios')],
    ['of six weeks, not from midnight', list, () => bench.list(range)],
    ['of six weeks and one platform', list, () => bench.list(`${range}&platform=ios`)],
    ['of half a day', list, () => bench.list('?from=2026-10-20T10:30:00Z&to=2026-10-20T22:00:00Z')],
    ['one release, of two million events', release, () => bench.one(LARGE_RELEASE)],
    ['the same, of one platform, by the hour', release, () => bench.one(LARGE_RELEASE, '?platform=ios&interval=hour')],
    ['the same, of two weeks', release, () => bench.one(LARGE_RELEASE, '?from=2026-10-20T10:30:00Z&to=2026-11-03')],
    ['one release, of sixty thousand', release, () => bench.one(SMALL_RELEASE)],
  ];
  const rows: string[][] = [];
  let are_met = true;
  for (const [question, target_ms, task] of questions) {
    const time_ms = await best(rounds, task).catch((error: Error) => {
      progress(`${question}: ${error.message}`);
      return Number.POSITIVE_INFINITY;
    });
    are_met &&= time_ms <= (target_ms ?? Number.POSITIVE_INFINITY);
    rows.push([question, Number.isFinite(time_ms) ? time_ms.toFixed(0) : 'refused', target_ms === undefined ? '' : `≤ ${target_ms}`]);
  }
  process.stdout.write(formatTable({ header: ['question', 'ms', 'target'], rows }));
  return are_met;
}

async function reportInserts(bench: Bench): Promise<void> {
  const costs = await measureInserts(async (sql) => void (await bench.run(sql)));
  process.stdout.write(
    formatTable({
      header: ['rows of an INSERT', 'ms without projections', 'with them', 'ratio'],
      rows: costs.map(({ rows: count, plain_ms, projected_ms }) => [
        String(count),
        plain_ms.toFixed(0),
        projected_ms.toFixed(0),
        (projected_ms / plain_ms).toFixed(2),
      ]),
    }),
  );
}

async function best(rounds: number, task: () => Promise<unknown>): Promise<number> {
  let best_ms = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const started_ms = performance.now();
    await task();
    best_ms = Math.min(best_ms, performance.now() - started_ms);
  }
  return best_ms;
}

/** The list's largest relative error in a count of events or devices, against the exact figures of its releases. */
async function worstError(bench: Bench): Promise<number> {
  let worst = 0;
  for (const { release_id, stats } of (await bench.list()).releases) {
    const exact = (await bench.one(release_id)).stats;
    for (const name of ['downloads', 'installs', 'rollbacks', 'crashes', 'unique_devices'] as const) {
      if (exact[name] > 0) worst = Math.max(worst, Math.abs(stats[name] - exact[name]) / exact[name]);
    }
  }
  return worst;
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function main(): Promise<void> {
  let options: StatisticsBenchOptions;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${HELP}`);
    process.exitCode = 2;
    return;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  process.exitCode = await runBench(options);
  process.exit();
}

await main();

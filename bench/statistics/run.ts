/**
 * `npm run bench:statistics`: how long release statistics take over a long history, and how far the list's estimates are from the
 * truth. Exit 0: all targets met, 1: one missed or the bench failed, 2: wrong usage. Whatever it starts it ends.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { createConnection, ServerAddress } from '../../src/clickhouse/connection.ts';
import { EmbeddedClickHouse } from '../../src/clickhouse/embedded/supervisor.ts';
import { migrate } from '../../src/clickhouse/migrations/migrate.ts';
import { ClickHouseReader } from '../../src/clickhouse/reader.ts';
import { readScope } from '../../src/read/release_scope.ts';
import { ReleaseStatistics } from '../../src/read/release_statistics.ts';
import { DEPLOY_EVENTS } from '../../src/sources/deploy_report/table.ts';
import { formatTable } from '../load/table.ts';
import { BIGGEST, RELEASE_ID, SLICE_ROWS, sliceStatement, TEMPLATE_STATEMENTS } from './fleet.ts';
import { measureInserts } from './insert_cost.ts';
import { HELP, readOptions, type StatisticsBenchOptions } from './options.ts';

const STOP_MS_MAX = 60_000;
const TARGETS_MS = { release: 300, list: 500 } as const;
const ERROR_MAX = 0.02;

interface Bench {
  readonly statistics: ReleaseStatistics;
  readonly reader: ClickHouseReader;
  run(sql: string): Promise<void>;
}

async function runBench(options: StatisticsBenchOptions): Promise<number> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'penstock-statistics-')));
  await mkdir(directory, { recursive: true });
  const engine = new EmbeddedClickHouse({ data_directory: directory, port: 0, clock: SYSTEM_CLOCK, on_log: () => undefined });
  try {
    await engine.start();
    return await measureAll(await prepare(engine.url, options.slices), options.rounds);
  } finally {
    await engine.stop(STOP_MS_MAX);
    if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
  }
}

/** Brings the schema and the history to what was asked for. */
async function prepare(url: string, slices: number): Promise<Bench> {
  const client = createConnection({ address: ServerAddress.parse(url), connections_max: 8, request_timeout_ms: 600_000 });
  const ports = {
    client: () => client,
    random: { uuid: randomUUID },
    on_log: (event: string, fields: object) => progress(`${event} ${JSON.stringify(fields)}`),
  };
  const reader = new ClickHouseReader(ports, 'penstock');
  const bench: Bench = {
    statistics: new ReleaseStatistics(reader),
    reader,
    run: async (sql) => {
      await client.command({ query: sql });
    },
  };
  await migrate({ client, clock: SYSTEM_CLOCK, random: ports.random }, 'penstock', [DEPLOY_EVENTS]);
  const [row] = await ask(bench, 'SELECT count() AS rows FROM {database}.deploy_events');
  const present = Math.round(Number(row?.['rows']) / SLICE_ROWS);
  if (present === 0) for (const statement of TEMPLATE_STATEMENTS) await bench.run(statement);
  for (let slice = present; slice < slices; slice++) {
    const started_ms = performance.now();
    await bench.run(sliceStatement(slice, slices));
    progress(`slice ${slice + 1} of ${slices}: ${Math.round(performance.now() - started_ms)} ms`);
  }
  return bench;
}

async function measureAll(bench: Bench, rounds: number): Promise<number> {
  const signal = new AbortController().signal;
  const scope = (query: Readonly<Record<string, string>> = {}) => readScope({ tenant: BIGGEST, query: new Map(Object.entries(query)) });
  const page = { limit: 100, after: undefined };
  const list_ms = await best(rounds, () => bench.statistics.list(scope(), page, signal));
  const release_ms = await best(rounds, () => bench.statistics.one(scope(), RELEASE_ID, 'day', signal));
  const rows: [string, number, number | undefined][] = [
    ['all releases of the biggest project', list_ms, TARGETS_MS.list],
    ['one of them', release_ms, TARGETS_MS.release],
    ['all, of one platform', await best(rounds, () => bench.statistics.list(scope({ platform: 'ios' }), page, signal)), undefined],
    [
      'all, of one day',
      await best(rounds, () => bench.statistics.list(scope({ from: '2026-10-20', to: '2026-10-21' }), page, signal)),
      undefined,
    ],
    [
      'one, of one platform, by the hour',
      await best(rounds, () => bench.statistics.one(scope({ platform: 'ios' }), RELEASE_ID, 'hour', signal)),
      undefined,
    ],
  ];
  process.stdout.write(
    formatTable({
      header: ['question', 'ms', 'target'],
      rows: rows.map(([question, time_ms, target_ms]) => [question, time_ms.toFixed(0), target_ms === undefined ? '' : `≤ ${target_ms}`]),
    }),
  );
  const costs = await measureInserts(bench.run);
  process.stdout.write(
    formatTable({
      header: ['rows of an INSERT', 'ms without the projection', 'with it', 'ratio'],
      rows: costs.map(({ rows: count, plain_ms, projected_ms }) => [
        String(count),
        plain_ms.toFixed(0),
        projected_ms.toFixed(0),
        (projected_ms / plain_ms).toFixed(2),
      ]),
    }),
  );
  const error = await worstError(bench);
  process.stdout.write(`worst estimate in the list: ${(error * 100).toFixed(2)} % off (target ≤ ${ERROR_MAX * 100} %)\n`);
  return list_ms <= TARGETS_MS.list && release_ms <= TARGETS_MS.release && error <= ERROR_MAX ? 0 : 1;
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

/** The list's largest relative error in a count of events or devices, against the exact figures of a few releases. */
async function worstError(bench: Bench): Promise<number> {
  const signal = new AbortController().signal;
  const scope = readScope({ tenant: BIGGEST, query: new Map() });
  const listed = await bench.statistics.list(scope, { limit: 1000, after: undefined }, signal);
  let worst = 0;
  for (const { release_id, stats } of listed) {
    const exact = (await bench.statistics.one(scope, release_id, 'day', signal)).stats;
    for (const name of ['downloads', 'installs', 'rollbacks', 'crashes', 'unique_devices'] as const) {
      if (exact[name] > 0) worst = Math.max(worst, Math.abs(stats[name] - exact[name]) / exact[name]);
    }
  }
  return worst;
}

function ask(bench: Bench, sql: string): ReturnType<ClickHouseReader['rows']> {
  return bench.reader.rows({ sql, parameters: {}, signal: new AbortController().signal });
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

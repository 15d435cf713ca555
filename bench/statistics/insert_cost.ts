/** What the projection adds to an INSERT: the same rows into a table as it was before it and as it is now, in turns. */
import { DEPLOY_EVENTS } from '../../src/sources/deploy_report/table.ts';
import { median } from '../micro/measure.ts';

/** As a busy daemon seals them. */
const ROWS = [10_000, 50_000, 200_000] as const;
const ROUNDS = 15;

export interface InsertCost {
  readonly rows: number;
  readonly plain_ms: number;
  readonly projected_ms: number;
}

/** @param run runs a statement in an engine that has `penstock.deploy_events` with rows to copy */
export async function measureInserts(run: (sql: string) => Promise<void>): Promise<InsertCost[]> {
  const costs: InsertCost[] = [];
  for (const rows of ROWS) {
    await makeTables(run, rows);
    const plain: number[] = [];
    const projected: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      plain.push(await insert(run, 'bench_plain'));
      projected.push(await insert(run, 'bench_projected'));
    }
    costs.push({ rows, plain_ms: median(plain), projected_ms: median(projected) });
  }
  return costs;
}

async function makeTables(run: (sql: string) => Promise<void>, rows: number): Promise<void> {
  const [create = '', ...later] = DEPLOY_EVENTS.migrations;
  for (const [database, statements] of [
    ['bench_plain', [create]],
    ['bench_projected', [create, ...later]],
  ] as const) {
    await run(`DROP DATABASE IF EXISTS ${database}`);
    await run(`CREATE DATABASE ${database}`);
    for (const statement of statements) await run(statement.replaceAll('{database}', database));
  }
  // What arrives together: the newest rows of all projects.
  await run('CREATE TABLE bench_plain.source AS bench_plain.deploy_events ENGINE = Memory');
  await run(`INSERT INTO bench_plain.source SELECT * FROM penstock.deploy_events WHERE timestamp > '2026-11-01' LIMIT ${rows}`);
}

async function insert(run: (sql: string) => Promise<void>, database: string): Promise<number> {
  const started_ms = performance.now();
  await run(`INSERT INTO ${database}.deploy_events SELECT * FROM bench_plain.source SETTINGS max_threads = 1, max_insert_threads = 1`);
  return performance.now() - started_ms;
}

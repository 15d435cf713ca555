/**
 * Brings the database and every source's tables to the shape that this release writes.
 *
 * What has been done stands in the table `schema_versions`: one row per table and version reached. Two daemons may start
 * at once, because every statement is safe to run twice and a version written twice is the same version; nothing is locked,
 * so nothing stays locked when a daemon dies half way. Versions are read at once and steps recorded at once, after they ran and also
 * when one failed, since each statement costs a start its time: a crash in between runs them again.
 */
import { assert } from '../../base/assert.ts';
import { SinkFailure } from '../../contract/sink.ts';
import type { Table } from '../../contract/table.ts';
import { quoteIdentifier } from '../../contract/table_ddl.ts';
import type { ClickHouseClient } from '../connection.ts';
import { type Answer, runStatement, type StatementParameters } from '../statement.ts';

/** The tables and views that migrations look after, in this order: name and statements, oldest first. */
export type MigratedTable = Pick<Table, 'name' | 'migrations'>;

export interface MigrationPorts {
  readonly client: ClickHouseClient;
  readonly clock: { nowMs(): number };
  readonly random: { uuid(): string };
}

/** What became of one table. */
export interface MigrationResult {
  readonly table: string;
  /** Version found and version reached; equal when there was nothing to do. */
  readonly version_found: number;
  readonly version_reached: number;
  /**
   * True when a newer release has been here: `version_found` is more than this one knows. Columns that it added take their
   * defaults, so going on is right (a fleet is rolled back daemon by daemon); what it took away shows at the first INSERT,
   * which then pauses. The caller says so in the log.
   */
  readonly ahead: boolean;
}

/**
 * Runs what is missing, in order, table by table.
 *
 * @param database created where it is missing
 * @throws SinkFailure as any statement can; calling again goes on where it stopped
 */
export async function migrate(ports: MigrationPorts, database: string, tables: readonly MigratedTable[]): Promise<MigrationResult[]> {
  const quoted_database = quoteIdentifier(database);
  await run(ports, `CREATE DATABASE IF NOT EXISTS ${quoted_database}`);
  await run(ports, versionsTableStatement(quoted_database));
  const found = await readVersions(ports, database);
  const steps: Step[] = [];
  try {
    return await runSteps(ports, quoted_database, { tables, found, steps });
  } finally {
    if (steps.length > 0) await recordSteps(ports, quoted_database, steps);
  }
}

/** A migration that ran. */
interface Step {
  readonly table: string;
  readonly version: number;
}

interface Work {
  readonly tables: readonly MigratedTable[];
  readonly found: ReadonlyMap<string, number>;
  /** Takes down what ran. */
  readonly steps: Step[];
}

async function runSteps(ports: MigrationPorts, quoted_database: string, { tables, found, steps }: Work): Promise<MigrationResult[]> {
  const results: MigrationResult[] = [];
  for (const { name: table, migrations } of tables) {
    const version_found = found.get(table) ?? 0;
    for (let version = version_found; version < migrations.length; version++) {
      const statement = migrations[version];
      assert(statement?.includes('{database}.') === true, `BUG: migration ${version} of ${table} names no database`);
      await run(
        ports,
        statement.replaceAll('{database}', () => quoted_database),
      );
      steps.push({ table, version: version + 1 });
    }
    const version_reached = Math.max(version_found, migrations.length);
    results.push({ table, version_found, version_reached, ahead: version_found > migrations.length });
  }
  return results;
}

function versionsTableStatement(quoted_database: string): string {
  return `CREATE TABLE IF NOT EXISTS ${quoted_database}.schema_versions
    (table_name String, version UInt32, applied_at DateTime64(3, 'UTC'))
    ENGINE = MergeTree ORDER BY (table_name, version)
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`;
}

/** The versions reached; none for a table that is not there, whatever was recorded: somebody dropped it, and it is made anew. */
async function readVersions(ports: MigrationPorts, database: string): Promise<ReadonlyMap<string, number>> {
  const query = `SELECT table_name, max(version) FROM ${quoteIdentifier(database)}.schema_versions
    WHERE table_name IN (SELECT name FROM system.tables WHERE database = {database:String}) GROUP BY table_name`;
  const { text } = await run(ports, query, { database });
  const lines = text.split('\n').slice(0, -1);
  return new Map(
    lines.map((line) => {
      const [, table, version] = /^([^\t]+)\t(\d{1,9})$/.exec(line) ?? [];
      if (table === undefined) throw new SinkFailure(`not a version: ${line.slice(0, 100)}`, false, 'retry', 'NOT_A_VERSION');
      return [table, Number(version)];
    }),
  );
}

async function recordSteps(ports: MigrationPorts, quoted_database: string, steps: readonly Step[]): Promise<void> {
  await run(
    ports,
    `INSERT INTO ${quoted_database}.schema_versions (table_name, version, applied_at)
     SELECT step.1, step.2, fromUnixTimestamp64Milli({applied_at_ms:Int64}, 'UTC')
     FROM (SELECT arrayJoin(arrayZip({tables:Array(String)}, {versions:Array(UInt32)})) AS step)`,
    {
      tables: steps.map(({ table }) => table),
      versions: steps.map(({ version }) => version),
      applied_at_ms: Math.floor(ports.clock.nowMs()),
    },
  );
}

function run(ports: MigrationPorts, query: string, parameters: StatementParameters = {}): Promise<Answer> {
  return runStatement(ports.client, { query, query_id: `migrate-${ports.random.uuid()}`, parameters });
}

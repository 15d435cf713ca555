/**
 * Brings the database and every source's tables to the shape that this release writes.
 *
 * What has been done stands in the table `schema_versions`: one row per table and version reached. Two daemons may start
 * at once, because every statement is safe to run twice and a version written twice is the same version; nothing is locked,
 * so nothing stays locked when a daemon dies half way. A step is recorded after it ran: a crash in between runs it again.
 */
import { assert } from '../../base/assert.ts';
import { SinkFailure } from '../../contract/sink.ts';
import type { Table } from '../../contract/table.ts';
import { quoteIdentifier } from '../../contract/table_ddl.ts';
import type { ClickHouseClient } from '../connection.ts';
import { type Answer, runStatement } from '../statement.ts';

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
  const results: MigrationResult[] = [];
  for (const table of tables) results.push(await migrateTable(ports, database, table));
  return results;
}

function versionsTableStatement(quoted_database: string): string {
  return `CREATE TABLE IF NOT EXISTS ${quoted_database}.schema_versions
    (table_name String, version UInt32, applied_at DateTime64(3, 'UTC'))
    ENGINE = MergeTree ORDER BY (table_name, version)
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`;
}

async function migrateTable(ports: MigrationPorts, database: string, table: MigratedTable): Promise<MigrationResult> {
  const quoted_database = quoteIdentifier(database);
  const version_found = await readVersion(ports, database, table.name);
  const version_known = table.migrations.length;
  for (let version = version_found; version < version_known; version++) {
    const statement = table.migrations[version];
    assert(statement?.includes('{database}.') === true, `BUG: migration ${version} of ${table.name} names no database`);
    await run(
      ports,
      statement.replaceAll('{database}', () => quoted_database),
    );
    await recordVersion(ports, quoted_database, table.name, version + 1);
  }
  const version_reached = Math.max(version_found, version_known);
  return { table: table.name, version_found, version_reached, ahead: version_found > version_known };
}

/** The version reached; 0 when the table is not there, whatever was recorded: somebody dropped it, and it is made anew. */
async function readVersion(ports: MigrationPorts, database: string, table_name: string): Promise<number> {
  const query = `SELECT max(version) FROM ${quoteIdentifier(database)}.schema_versions WHERE table_name = {table_name:String}
    AND (SELECT count() FROM system.tables WHERE database = {database:String} AND name = {table_name:String}) > 0`;
  const answer = await run(ports, query, { database, table_name });
  if (/^\d{1,9}\n$/.test(answer.text)) return Number(answer.text);
  throw new SinkFailure(`not a version: ${answer.text.slice(0, 100)}`, false, 'retry', 'NOT_A_VERSION');
}

async function recordVersion(ports: MigrationPorts, quoted_database: string, table_name: string, version: number): Promise<void> {
  await run(
    ports,
    `INSERT INTO ${quoted_database}.schema_versions (table_name, version, applied_at)
     SELECT {table_name:String}, {version:UInt32}, fromUnixTimestamp64Milli({applied_at_ms:Int64}, 'UTC')`,
    { table_name, version, applied_at_ms: Math.floor(ports.clock.nowMs()) },
  );
}

function run(ports: MigrationPorts, query: string, parameters: Record<string, string | number> = {}): Promise<Answer> {
  return runStatement(ports.client, { query, query_id: `migrate-${ports.random.uuid()}`, parameters });
}

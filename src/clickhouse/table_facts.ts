/** What must be known of a table before the first INSERT into it: how it is replicated, and what its server understands. */
import { SinkFailure } from '../contract/sink.ts';
import type { ClickHouseClient } from './connection.ts';
import { OPTIONAL_SETTINGS } from './insert_settings.ts';
import { runStatement } from './statement.ts';

/**
 * - `none`: one server
 * - `replicated`: ReplicatedMergeTree; replicas fetch parts from each other, so one may lag
 * - `shared`: SharedMergeTree (ClickHouse Cloud); replicas share the parts, and a setting makes a read consistent
 */
export type Replication = 'none' | 'replicated' | 'shared';

export interface TableFacts {
  readonly replication: Replication;
  /** Which of `OPTIONAL_SETTINGS` the server has. */
  readonly settings_known: ReadonlySet<string>;
}

export interface TableFactsRequest {
  readonly database: string;
  readonly table: string;
  readonly query_id: string;
}

/** Asks the server. Rejects with `SinkFailure`, `pause` and code 60 when the table is not there. */
export async function loadTableFacts(client: ClickHouseClient, request: TableFactsRequest): Promise<TableFacts> {
  const answer = await runStatement(client, {
    query: `SELECT 'engine', engine FROM system.tables WHERE database = {database:String} AND name = {table:String}
            UNION ALL
            SELECT 'setting', name FROM system.settings WHERE has(splitByChar(',', {settings:String}), name)`,
    query_id: request.query_id,
    parameters: { database: request.database, table: request.table, settings: OPTIONAL_SETTINGS.join(',') },
  });
  const settings_known = new Set<string>();
  let engine: string | undefined;
  for (const line of answer.text.split('\n')) {
    const [kind, value] = line.split('\t');
    if (kind === 'engine') engine = value;
    if (kind === 'setting' && value !== undefined) settings_known.add(value);
  }
  if (engine === undefined) {
    throw new SinkFailure(`Table ${request.database}.${request.table} does not exist.`, false, 'pause', '60');
  }
  return { replication: replicationOf(engine), settings_known };
}

function replicationOf(engine: string): Replication {
  if (engine.startsWith('Replicated')) return 'replicated';
  return engine.startsWith('Shared') ? 'shared' : 'none';
}

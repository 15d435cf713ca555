/**
 * How long rows are kept: a TTL on each table that declares by which column its rows expire, by whole months.
 *
 * All rows of a month expire together, so that a part is dropped whole and no merge ever rewrites rows for it. Only a TTL of the form that
 * is set here is ever changed: one that somebody else made (another rule, a move to another disk) is left alone and reported.
 */
import { SinkFailure } from '../../contract/sink.ts';
import type { Table } from '../../contract/table.ts';
import { quoteIdentifier } from '../../contract/table_ddl.ts';
import { runStatement } from '../statement.ts';
import type { MigrationPorts } from './migrate.ts';

export interface RetentionResult {
  readonly table: string;
  /** `foreign`: the table has a TTL that is not ours; `failed`: the server does not let us, and goes on without. */
  readonly outcome: 'changed' | 'foreign' | 'failed';
  readonly detail: string;
}

/**
 * Brings the TTLs to what is configured, and says where there was something to do or to say.
 *
 * @param months rows are kept for so many whole months after that of their receipt; 0 for ever; null touches nothing
 * @throws SinkFailure where trying again may help
 */
export async function applyRetention(
  ports: MigrationPorts,
  database: string,
  tables: readonly Pick<Table, 'name' | 'expires_by'>[],
  months: number | null,
): Promise<RetentionResult[]> {
  if (months === null) return [];
  const results: RetentionResult[] = [];
  const ttls = await readTtls(ports, database);
  for (const { name, expires_by } of tables) {
    if (expires_by === undefined) continue;
    const result = await applyToTable(ports, { database, table: name, column: expires_by, months }, ttls.get(name) ?? '');
    if (result !== undefined) results.push(result);
  }
  return results;
}

interface Wanted {
  readonly database: string;
  readonly table: string;
  readonly column: string;
  readonly months: number;
}

/** @param present the table's TTL as the server writes it */
async function applyToTable(ports: MigrationPorts, wanted: Wanted, present: string): Promise<RetentionResult | undefined> {
  const { table, months } = wanted;
  const present_months = monthsOf(present, wanted.column);
  if (present_months === months) return undefined;
  if (present_months === undefined) return { table, outcome: 'foreign', detail: present };
  const name = `${quoteIdentifier(wanted.database)}.${quoteIdentifier(table)}`;
  try {
    if (months === 0) {
      await run(ports, `ALTER TABLE ${name} REMOVE TTL`);
    } else {
      // The setting that recalculates only keeps the change itself from rewriting every part.
      await run(ports, `ALTER TABLE ${name} MODIFY SETTING ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1`);
      await run(ports, `ALTER TABLE ${name} MODIFY TTL ${ttlOf(quoteIdentifier(wanted.column), months)}`);
    }
  } catch (error) {
    if (!(error instanceof SinkFailure) || error.action === 'retry') throw error;
    return { table, outcome: 'failed', detail: error.message };
  }
  return { table, outcome: 'changed', detail: months === 0 ? 'kept for ever' : `kept for ${months} months` };
}

/** From the start of the month, so that its rows expire together; one month more, so that its last day is kept long enough too. */
function ttlOf(column: string, months: number): string {
  return `toStartOfMonth(${column}) + toIntervalMonth(${months + 1})`;
}

/** TTLs by table, as the server writes them; empty without one. */
async function readTtls(ports: MigrationPorts, database: string): Promise<ReadonlyMap<string, string>> {
  const query = 'SELECT name, engine_full FROM system.tables WHERE database = {database:String} FORMAT JSONCompactEachRow';
  const lines = (await run(ports, query, { database })).trim().split('\n').filter(Boolean);
  return new Map(
    lines.map((line) => {
      const [table, engine]: readonly [string, string] = JSON.parse(line);
      return [table, /\bTTL (.+?)(?: SETTINGS .*)?$/s.exec(engine)?.[1] ?? ''];
    }),
  );
}

/** How many months a TTL keeps rows: 0 without one, undefined for one that is not ours. */
function monthsOf(ttl: string, column: string): number | undefined {
  if (ttl === '') return 0;
  const interval = /\+ toIntervalMonth\((\d+)\)$/.exec(ttl)?.[1];
  const months = Number(interval) - 1;
  return [column, quoteIdentifier(column)].some((name) => ttl === ttlOf(name, months)) ? months : undefined;
}

async function run(ports: MigrationPorts, query: string, parameters: Record<string, string> = {}): Promise<string> {
  const { text } = await runStatement(ports.client, { query, query_id: `retention-${ports.random.uuid()}`, parameters });
  return text;
}

/**
 * The settings of every INSERT, each with the promise it keeps.
 */
import type { ClickHouseSettings } from '@clickhouse/client';
import type { InsertRequest } from '../contract/sink.ts';
import type { TableFacts } from './table_facts.ts';

/**
 * How long an INSERT may run on the server, seconds. It bounds how long a statement whose connection is gone can still
 * commit, since ClickHouse does not stop a writing statement when its client goes away.
 */
export const INSERT_EXECUTION_SECONDS_MAX = 240;

/** How long to wait for the quorum, milliseconds; the server's ten minutes would outlast the statement. */
const QUORUM_TIMEOUT_MS = 60_000;

const ALWAYS: ClickHouseSettings = {
  // The answer means that the part is written, not that the rows are queued.
  async_insert: 0,
  // A column that the table lacks is an error, not silence.
  input_format_skip_unknown_fields: 0,
  // A block may name a type that is near the column's: a plain String for a dictionary that grew too large.
  input_format_native_allow_types_conversion: 1,
  // "2024-01-01" in a document stays the string that was sent; see `COLUMN_TYPES` for what it takes besides.
  input_format_try_infer_dates: 0,
  input_format_try_infer_datetimes: 0,
  // A repeated token adds nothing, here and in the tables that views fill.
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  // One block in one partition is one part, so the INSERT is all or nothing. A table where that cannot be is refused.
  max_partitions_per_insert_block: '1',
  throw_on_max_partitions_per_insert_block: '1',
  max_execution_time: INSERT_EXECUTION_SECONDS_MAX,
  // "break" would end the statement early and call it a success.
  timeout_overflow_mode: 'throw',
};

/** Settings that newer servers have, and that would undo the ones above if a profile set them. */
const WHERE_KNOWN: ClickHouseSettings = {
  // Overrides insert_deduplicate.
  deduplicate_insert: 'enable',
  // Would cut one Native block into several parts.
  use_strict_insert_block_limits: 0,
};

export const OPTIONAL_SETTINGS: readonly string[] = Object.keys(WHERE_KNOWN);

/** All settings of one INSERT. `log_comment` repeats the id for the embedded engine, which knows no caller's query id. */
export function insertSettings(facts: TableFacts, request: Pick<InsertRequest, 'query_id' | 'deduplication_token'>): ClickHouseSettings {
  const settings: ClickHouseSettings = {
    ...ALWAYS,
    insert_deduplication_token: request.deduplication_token,
    log_comment: request.query_id,
  };
  for (const [name, value] of Object.entries(WHERE_KNOWN)) {
    if (facts.settings_known.has(name)) settings[name] = value;
  }
  if (facts.replication === 'replicated') {
    settings.insert_quorum = 'auto';
    // Daemons of a fleet insert side by side; one at a time would refuse all others (286).
    settings.insert_quorum_parallel = 1;
    settings.insert_quorum_timeout = QUORUM_TIMEOUT_MS;
  }
  return settings;
}

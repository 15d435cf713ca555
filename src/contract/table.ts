/**
 * Tables as a source declares them: the columns in the order in which blocks carry them, and the statements that bring
 * the table to its present shape. Blocks, sealed segments, INSERTs and migrations all read this one declaration.
 */

/**
 * How a column travels in a block (and so which writer fills it):
 * - `string`, `json`: varuint length and bytes per row; `json` must hold an object that ClickHouse's JSON type takes
 * - `dictionary`: LowCardinality(String)
 * - `datetime64`: DateTime64(3,'UTC'), Int64 milliseconds; `uuid`: 16 bytes
 * - `uint8`: one byte; only in tables of sources whose requests bring one event each, since the kernel has no such columns
 */
export type ColumnKind = 'string' | 'json' | 'dictionary' | 'datetime64' | 'uuid' | 'uint8';

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
}

export interface Table {
  readonly name: string;
  /** Without `ingest_segment`, which sealing adds to every table as its last column. */
  readonly columns: readonly Column[];
  /** Of tables whose rows claim versions: a start reads them back. */
  readonly version_columns?: VersionColumns;
  /** The column that names the device or person that a row is about: by it `erase` finds what must go. Absent where there is none. */
  readonly device_column?: string;
  /**
   * DDL, oldest first; entry n brings version n to n + 1, and is never edited once released. `{database}` stands for the
   * quoted database name. Each statement must be safe to run twice (IF NOT EXISTS).
   */
  readonly migrations: readonly string[];
  /** The time of receipt, by whose month the table is partitioned and rows expire (`clickhouse.retention_months`). Absent: rows are kept for ever. */
  readonly expires_by?: string;
}

/** Where rows have what they claimed of versions (`contract/gate.ts`). */
export type VersionColumns = readonly [product_name: string, version: string, scm_sha: string];

/** A view over a source's tables, for queries: nothing is ever delivered to it. Its migrations run after those of all tables. */
export interface View {
  readonly name: string;
  /** As of a table. A view that changes is replaced by a later entry (CREATE OR REPLACE). */
  readonly migrations: readonly string[];
}

/** The column that says which sealed segment a row came in: the proof that an INSERT happened. */
export const SEGMENT_COLUMN: Column = { name: 'ingest_segment', kind: 'uuid' };

/**
 * The type of each kind, in the table and in the Native blocks that are sent to it. A block must name a JSON column's exact type: sent
 * as String, or as plain JSON, documents are converted under settings of their own, and texts that look like dates become dates.
 */
export const COLUMN_TYPES: Readonly<Record<ColumnKind, string>> = {
  string: 'String',
  json: 'JSON(max_dynamic_paths=64)',
  dictionary: 'LowCardinality(String)',
  datetime64: "DateTime64(3, 'UTC')",
  uuid: 'UUID',
  uint8: 'UInt8',
};

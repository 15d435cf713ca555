/**
 * DDL of a source's table, made from the same columns that its blocks carry, so that a column cannot be in one and not in
 * the other.
 *
 * The table is shaped for delivery as much as for queries: one partition per month of receipt (a sealed segment is one
 * month, so its INSERT is one part), a window of deduplication tokens, parts that are durable when the INSERT is
 * answered, and an index by which the rows of one segment are counted without reading the table.
 */
import { assert } from '../base/assert.ts';
import { COLUMN_TYPES, type Column, SEGMENT_COLUMN, type Table } from './table.ts';

/**
 * Settings of every table that delivery writes.
 *
 * The window counts parts. 10,000 are nearly three hours of one daemon's INSERTs at one a second; it need not cover an
 * outage, since a doubt is first settled by a count and the token only guards the moments between a count and its retry.
 */
const TABLE_SETTINGS = 'non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1';

export interface TableDdlOptions {
  /** Columns of the sort key, most selective filter first. */
  readonly order_by: readonly string[];
  /** The column that holds the time of receipt: its month is the partition. */
  readonly partition_by: string;
}

/** Quotes a name for ClickHouse: any name becomes one identifier, whatever is in it. */
export function quoteIdentifier(name: string): string {
  return `\`${name.replace(/[\\`]/g, (character) => `\\${character}`)}\``;
}

/**
 * The statement that creates `table` where it is missing; `{database}` stands for the quoted database, as migrations want.
 *
 * Later columns may appear in it too: on a new database they are there from the start, and the migration that adds them
 * (`ADD COLUMN IF NOT EXISTS`) finds nothing to do.
 */
export function createTableStatement(table: Pick<Table, 'name' | 'columns'>, options: TableDdlOptions): string {
  const columns = [...table.columns, SEGMENT_COLUMN];
  const names = new Set(columns.map((column) => column.name));
  assert(names.size === columns.length, `BUG: table ${table.name} has two columns of one name`);
  for (const name of [...options.order_by, options.partition_by]) {
    assert(names.has(name), `BUG: table ${table.name} has no column ${name} to sort or partition by`);
  }
  const segment_column = quoteIdentifier(SEGMENT_COLUMN.name);
  return [
    `CREATE TABLE IF NOT EXISTS {database}.${quoteIdentifier(table.name)} (`,
    ...columns.map((column) => `  ${columnDefinition(column)},`),
    `  INDEX ingest_segment_index ${segment_column} TYPE bloom_filter(0.01) GRANULARITY 1`,
    ') ENGINE = MergeTree',
    `PARTITION BY toYYYYMM(${quoteIdentifier(options.partition_by)})`,
    `ORDER BY (${options.order_by.map(quoteIdentifier).join(', ')})`,
    `SETTINGS ${TABLE_SETTINGS}`,
  ].join('\n');
}

/** A column as CREATE TABLE and ADD COLUMN write it. */
export function columnDefinition(column: Column): string {
  return `${quoteIdentifier(column.name)} ${COLUMN_TYPES[column.kind]}`;
}

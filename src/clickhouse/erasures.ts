/**
 * The table `erasures`: which rows were deleted on a person's behalf, by segment, so that the books stay true without them.
 *
 * An erasure is a row `begun`, then one row per table and segment with how many rows are to go, written before any of them goes, then a row `done`. Every row
 * may be written twice: readers take the largest count per erasure, table and segment. Who was erased stands there as a digest only.
 */
import { quoteIdentifier } from '../contract/table_ddl.ts';
import type { ClickHouseClient } from './connection.ts';
import type { MigratedTable } from './migrations/migrate.ts';
import { runStatement, type StatementParameters } from './statement.ts';

export const ERASURES: MigratedTable = {
  name: 'erasures',
  migrations: [
    `CREATE TABLE IF NOT EXISTS {database}.erasures (
      erasure UUID,
      subject String,
      state LowCardinality(String),
      table_name LowCardinality(String),
      ingest_segment UUID,
      rows UInt64,
      written_at DateTime64(3, 'UTC')
    ) ENGINE = MergeTree ORDER BY (table_name, ingest_segment, erasure, state)
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  ],
};

const NO_SEGMENT = '00000000-0000-0000-0000-000000000000';
/** As many segments as fit into the 16 KiB that the embedded engine takes of a request's head. */
export const SEGMENTS_PER_STATEMENT = 200;

/** A million segments. */
const ANSWER_BYTES_MAX = 64 << 20;

export interface ErasurePorts {
  readonly client: ClickHouseClient;
  readonly random: { uuid(): string };
}

export interface UnfinishedErasure {
  readonly erasure: string;
  /** A digest. */
  readonly subject: string;
  readonly begun_at: string;
}

export class Erasures {
  constructor(
    private readonly ports: ErasurePorts,
    private readonly database: string,
  ) {}

  /** Whether anything was ever erased here. */
  async exist(): Promise<boolean> {
    const query = "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'erasures'";
    return (await this.lines(query, { database: this.database }))[0]?.[0] !== '0';
  }

  /** Erasures that were begun and not finished, oldest first. */
  async unfinished(): Promise<readonly UnfinishedErasure[]> {
    const lines = await this.lines(
      `SELECT erasure, any(subject), toString(min(written_at)) FROM ${this.name()}
       GROUP BY erasure HAVING countIf(state = 'done') = 0 ORDER BY min(written_at)`,
      {},
    );
    return lines.map(([erasure, subject, begun_at]) => ({ erasure, subject, begun_at }));
  }

  async begin(erasure: string, subject: string): Promise<void> {
    await this.mark(erasure, subject, 'begun');
  }

  async finish(erasure: string, subject: string): Promise<void> {
    await this.mark(erasure, subject, 'done');
  }

  /** Segments of `table` that this erasure has counted already. */
  async planned(erasure: string, table: string): Promise<ReadonlyMap<string, number>> {
    const lines = await this.lines(
      `SELECT ingest_segment, max(rows) FROM ${this.name()}
       WHERE erasure = {erasure:UUID} AND table_name = {table:String} AND state = 'planned' GROUP BY ingest_segment`,
      { erasure, table },
    );
    return new Map(lines.map(([segment, rows]) => [segment, Number(rows)]));
  }

  /** Writes down how many rows `condition` finds in each of the segments: at most SEGMENTS_PER_STATEMENT. */
  async plan(erasure: string, subject: string, table: string, condition: string, parameters: StatementParameters): Promise<void> {
    await this.lines(
      `INSERT INTO ${this.name()} (erasure, subject, state, table_name, ingest_segment, rows, written_at)
       SELECT {erasure:UUID}, {subject:String}, 'planned', {table:String}, ingest_segment, count(), now64(3)
       FROM ${quoteIdentifier(this.database)}.${quoteIdentifier(table)} WHERE ${condition} GROUP BY ingest_segment`,
      { ...parameters, erasure, subject, table },
    );
  }

  /** Rows of `table` that are gone, by segment, of the segments whose first 16 bits leave `slice` when divided by `slices`. */
  async erased(table: string, slices: number, slice: number): Promise<ReadonlyMap<string, number>> {
    const lines = await this.lines(
      `SELECT ingest_segment, sum(erased) FROM (
         SELECT ingest_segment, erasure, max(rows) AS erased FROM ${this.name()}
         WHERE state = 'planned' AND table_name = {table:String}
           AND bitShiftRight(toUInt128(ingest_segment), 112) % {slices:UInt32} = {slice:UInt32}
         GROUP BY ingest_segment, erasure) GROUP BY ingest_segment`,
      { table, slices, slice },
    );
    return new Map(lines.map(([segment, rows]) => [segment, Number(rows)]));
  }

  private async mark(erasure: string, subject: string, state: 'begun' | 'done'): Promise<void> {
    await this.lines(
      `INSERT INTO ${this.name()} (erasure, subject, state, table_name, ingest_segment, rows, written_at)
       SELECT {erasure:UUID}, {subject:String}, {state:String}, '', {segment:UUID}, 0, now64(3)`,
      { erasure, subject, state, segment: NO_SEGMENT },
    );
  }

  private name(): string {
    return `${quoteIdentifier(this.database)}.erasures`;
  }

  private async lines(query: string, parameters: StatementParameters): Promise<readonly string[][]> {
    const { client, random } = this.ports;
    const { text } = await runStatement(client, {
      query,
      query_id: `erase-${random.uuid()}`,
      parameters,
      settings: { async_insert: 0 },
      answer_bytes_max: ANSWER_BYTES_MAX,
    });
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t'));
  }
}

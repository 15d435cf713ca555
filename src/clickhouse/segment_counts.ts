/** Counts what ClickHouse holds by segment: the other side of the books. Reads only, and in slices, so that no answer is longer than a reader can hold. */
import { SinkFailure } from '../contract/sink.ts';
import { SEGMENT_COLUMN } from '../contract/table.ts';
import { quoteIdentifier } from '../contract/table_ddl.ts';
import type { ClickHouseClient } from './connection.ts';
import { runStatement } from './statement.ts';

/** One part of a table: a month's partition, and of it the segments whose first 16 bits leave `slice` when divided by `slices`. */
export interface CountedPart {
  readonly table: string;
  /** yyyymm */
  readonly month: number;
  readonly slices: number;
  readonly slice: number;
}

/** Beyond it a slice is not what it was planned to be. */
const SEGMENTS_MAX = 1_000_000;
/** A UUID, a tab, a number and a newline. */
const LINE_BYTES_MAX = 64;
const SEGMENT = quoteIdentifier(SEGMENT_COLUMN.name);

/** Which slice of `slices` a segment is in. */
export function sliceOf(segment_id: string, slices: number): number {
  return Number.parseInt(segment_id.slice(0, 4), 16) % slices;
}

export class SegmentCounts {
  constructor(
    private readonly ports: { readonly client: ClickHouseClient; readonly random: { uuid(): string } },
    private readonly database: string,
  ) {}

  /** Months that a table has rows of, with about how many segments; none for a table that does not exist. */
  async months(table: string): Promise<ReadonlyMap<number, number>> {
    const known = await this.ask('SELECT count() FROM system.tables WHERE database = {database:String} AND name = {table:String}', {
      database: this.database,
      table,
    });
    if (known[0]?.[0] === '0') return new Map();
    const lines = await this.ask(`SELECT _partition_id, uniq(${SEGMENT}) FROM ${this.qualified(table)} GROUP BY _partition_id`, {});
    return new Map(lines.map(([month, segments]) => [Number(month), Number(segments)]));
  }

  /** Rows by segment. */
  async rowsBySegment(part: CountedPart): Promise<Map<string, number>> {
    const { table, month, slices, slice } = part;
    const lines = await this.ask(
      `SELECT ${SEGMENT}, count() FROM ${this.qualified(table)}
       WHERE _partition_id = {month:String} AND bitShiftRight(toUInt128(${SEGMENT}), 112) % {slices:UInt32} = {slice:UInt32}
       GROUP BY ${SEGMENT} LIMIT {limit:UInt32}`,
      { month: String(month), slices, slice, limit: SEGMENTS_MAX + 1 },
    );
    if (lines.length > SEGMENTS_MAX) {
      throw new SinkFailure(`table ${table} got more than ${SEGMENTS_MAX} segments while it was counted`, false, 'retry', 'TOO_MANY');
    }
    return new Map(lines.map(([segment, rows]) => [segment, Number(rows)]));
  }

  private async ask(query: string, parameters: Readonly<Record<string, string | number>>): Promise<readonly string[][]> {
    const { client, random } = this.ports;
    const query_id = `verify-${random.uuid()}`;
    const { text } = await runStatement(client, { query, query_id, parameters, answer_bytes_max: SEGMENTS_MAX * LINE_BYTES_MAX });
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t'));
  }

  private qualified(table: string): string {
    return `${quoteIdentifier(this.database)}.${quoteIdentifier(table)}`;
  }
}

/** Asks ClickHouse which segments brought the rows of one event. Reads only. */
import { SinkFailure } from '../contract/sink.ts';
import { SEGMENT_COLUMN, type Table } from '../contract/table.ts';
import { quoteIdentifier } from '../contract/table_ddl.ts';
import type { ClickHouseClient } from './connection.ts';
import { runStatement } from './statement.ts';

export interface StoredCopy {
  readonly table: string;
  readonly segment: string;
  /** How many rows of the segment are this event. */
  readonly copies: number;
  /** Undefined for a table that does not say when its rows were received. */
  readonly received_at_ms: number | undefined;
}

/** Segments of one event that are told; an event that was re-delivered more often is no event. */
export const STORED_SEGMENTS_MAX = 1_000;
/** UNKNOWN_TABLE, UNKNOWN_DATABASE: no daemon has delivered to it yet. */
const ABSENT: ReadonlySet<string> = new Set(['60', '81']);
const SEGMENT = quoteIdentifier(SEGMENT_COLUMN.name);

export class EventCopies {
  constructor(
    private readonly ports: { readonly client: ClickHouseClient; readonly random: { uuid(): string } },
    private readonly database: string,
  ) {}

  /**
   * Reads the column `event_id` of the whole table.
   *
   * @throws SinkFailure when ClickHouse cannot say
   */
  async find(table: Table, event_id: string): Promise<readonly StoredCopy[]> {
    if (!table.columns.some(({ name }) => name === 'event_id')) return [];
    const received = table.expires_by === undefined ? "''" : `toUnixTimestamp64Milli(min(${quoteIdentifier(table.expires_by)}))`;
    const { client, random } = this.ports;
    try {
      const { text } = await runStatement(client, {
        query: `SELECT ${SEGMENT}, count(), ${received} FROM ${quoteIdentifier(this.database)}.${quoteIdentifier(table.name)}
          WHERE event_id = {event_id:UUID} GROUP BY ${SEGMENT} ORDER BY 3, 1 LIMIT ${STORED_SEGMENTS_MAX}`,
        query_id: `trace-${random.uuid()}`,
        parameters: { event_id },
      });
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => {
          const [segment = '', copies, received_at_ms = ''] = line.split('\t');
          return {
            table: table.name,
            segment,
            copies: Number(copies),
            received_at_ms: received_at_ms === '' ? undefined : Number(received_at_ms),
          };
        });
    } catch (error) {
      if (error instanceof SinkFailure && ABSENT.has(error.code)) return [];
      throw error;
    }
  }
}

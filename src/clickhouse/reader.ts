/**
 * Reads for requests: one SELECT, read-only, bounded in time, memory and answer. It has a connection of its own, so that readers
 * never take a socket from delivery.
 */
import { OperatingError } from '../contract/errors.ts';
import type { Query, QueryPort, Row } from '../contract/query.ts';
import { SinkFailure } from '../contract/sink.ts';
import { quoteIdentifier } from '../contract/table_ddl.ts';
import type { ClickHouseClient } from './connection.ts';
import { runStatement } from './statement.ts';

export interface ReaderPorts {
  /** Undefined until ClickHouse is connected. */
  readonly client: () => ClickHouseClient | undefined;
  readonly random: { uuid(): string };
  readonly on_log: (event: string, fields: Readonly<Record<string, string>>) => void;
}

/** Shorter than a read request may take, so that ClickHouse gives up before the request does. */
const EXECUTION_SECONDS_MAX = 8;
const MEMORY_BYTES_MAX = 2 ** 31;
const ANSWER_BYTES_MAX = 32 * 2 ** 20;
/** A statement may list devices. ClickHouse itself would take a quarter. */
const QUERY_BYTES_MAX = 2 ** 20;

const LIMITS = {
  readonly: '1',
  max_execution_time: EXECUTION_SECONDS_MAX,
  max_memory_usage: String(MEMORY_BYTES_MAX),
  max_result_bytes: String(ANSWER_BYTES_MAX),
  max_query_size: String(QUERY_BYTES_MAX),
  output_format_json_quote_64bit_integers: 0,
  output_format_json_named_tuples_as_objects: 0,
} as const;

/** TIMEOUT_EXCEEDED, TOO_SLOW, MEMORY_LIMIT_EXCEEDED, TOO_MANY_ROWS_OR_BYTES: asking for less helps, waiting may not. */
const TOO_DEAR: ReadonlySet<string> = new Set(['159', '160', '241', '396']);

export class ClickHouseReader implements QueryPort {
  constructor(
    private readonly ports: ReaderPorts,
    private readonly database: string,
  ) {}

  async rows({ sql, parameters, signal }: Query): Promise<readonly Row[]> {
    const client = this.ports.client();
    if (client === undefined) throw new OperatingError('clickhouse_unavailable', { reason: 'it is starting' });
    try {
      const answer = await runStatement(client, {
        query: `${sql.replaceAll('{database}', () => quoteIdentifier(this.database))}\nFORMAT JSONEachRow`,
        query_id: `read-${this.ports.random.uuid()}`,
        parameters,
        settings: LIMITS,
        signal,
        answer_bytes_max: 2 * ANSWER_BYTES_MAX,
      });
      const rows: Row[] = JSON.parse(`[${answer.text.trimEnd().replaceAll('\n', ',')}]`);
      return rows;
    } catch (error) {
      if (!(error instanceof SinkFailure)) throw error;
      if (!signal.aborted) this.ports.on_log('query_failed', { code: error.code, reason: error.message });
      throw explain(error);
    }
  }
}

/** What ClickHouse said stays in the log: a client has no business with it. */
function explain(failure: SinkFailure): OperatingError {
  const options = { cause: failure };
  if (TOO_DEAR.has(failure.code)) return new OperatingError('query_too_dear', {}, options);
  return new OperatingError('clickhouse_unavailable', { reason: `code ${failure.code}` }, options);
}

/** Questions to ClickHouse as those who answer read requests ask them. */

export interface Query {
  /** One SELECT. `{database}` stands for the quoted database; `{name:Type}` for a parameter: no value ever enters the text. */
  readonly sql: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  /** Ends the query when nobody waits for its rows any more. */
  readonly signal: AbortSignal;
}

/** One row: the value of each column, numbers as numbers. */
export type Row = Readonly<Record<string, unknown>>;

export interface QueryPort {
  /** Resolves to all rows. Rejects with the OperatingError `clickhouse_unavailable`, or `query_too_dear` when a limit was met. */
  rows(query: Query): Promise<readonly Row[]>;
}

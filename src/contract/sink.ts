/** The port to ClickHouse as delivery sees it. The implementation is `clickhouse/sink.ts`. */
import type { Readable } from 'node:stream';

export interface InsertRequest {
  readonly table: string;
  readonly columns: readonly string[];
  /** Unique for each try, and begins with the segment's id: by that prefix delivery asks whether any try still runs. */
  readonly query_id: string;
  readonly deduplication_token: string;
  /** One Native block. */
  readonly body: Readable;
  readonly body_bytes: number;
}

/**
 * What to do with a segment whose INSERT failed:
 * - `retry`: the network or the server had a bad moment
 * - `pause`: every INSERT will fail until somebody acts (wrong password, missing table, read-only); say so loudly
 * - `shrink`: the block is too big for the server as it is now
 * - `dead_letter`: a value in the block can never go in
 */
export type FailureAction = 'retry' | 'pause' | 'shrink' | 'dead_letter';

/** An INSERT that did not end in a clean answer. */
export class SinkFailure extends Error {
  constructor(
    message: string,
    /** True when the rows may be in the table, now or later; only a count decides. */
    readonly in_doubt: boolean,
    readonly action: FailureAction,
    /** ClickHouse's error code, or the network's (`ECONNRESET`). */
    readonly code: string,
  ) {
    super(message);
    this.name = 'SinkFailure';
  }
}

export interface Sink {
  /** Resolves when the server confirmed the INSERT; rejects with `SinkFailure`. */
  insert(request: InsertRequest): Promise<void>;
  /**
   * Whether an INSERT whose query id begins with `query_id_prefix` (a segment's id) is still running: also one that a
   * daemon before this one sent. Rejects with `SinkFailure` when nobody can say.
   */
  isRunning(query_id_prefix: string): Promise<boolean>;
  /** Rows of `table` whose `ingest_segment` is `segment_id`, from a replica that must have them. */
  countRows(table: string, segment_id: string): Promise<number>;
}

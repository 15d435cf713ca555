/**
 * Segments: where the spool and delivery meet. A sealed segment is one file whose first `native_bytes` are exactly one
 * Native block in one partition of one table: the body of one INSERT, the same bytes at every try.
 */
import type { Readable } from 'node:stream';
import type { BlockAccounts } from './block.ts';

/** A block on its way into the spool. `bytes` belong to the spool until `append` settles. */
export interface SpoolBlock {
  readonly table: string;
  /** Month of receipt in UTC as yyyymm: the partition. */
  readonly month: number;
  readonly bytes: Uint8Array;
  readonly rows: number;
}

export interface SealedSegment {
  /** Identity: the value of `ingest_segment` in each of its rows, and the deduplication token of its INSERT. */
  readonly id: string;
  readonly table: string;
  readonly month: number;
  /** Order of sealing within this data directory; delivery goes by it. */
  readonly sequence: number;
  /** Names of the columns in the block, `ingest_segment` last. */
  readonly columns: readonly string[];
  readonly rows: number;
  readonly native_bytes: number;
  readonly file_bytes: number;
  /** The oldest receipt in it, for the delivery lag. */
  readonly received_at_ms: number;
  readonly sealed_at_ms: number;
  /** One entry per source. */
  readonly accounts: readonly BlockAccounts[];
  /**
   * How many deduplication tokens were durably taken for it; 0 means that it was never sent, so that nothing is in doubt.
   * Token n is `<id>` for n = 1 and `<id>/<n>` after.
   */
  readonly tokens: number;
}

/** What delivery needs of the spool. */
export interface SegmentStore {
  /** Checks the file against its checksum, then streams the Native block. Rejects with `segment_corrupt` on a mismatch. */
  open(segment: SealedSegment): Promise<Readable>;
  /** Makes durable that one more token is about to be used; resolves to the segment with `tokens` one higher. */
  takeToken(segment: SealedSegment): Promise<SealedSegment>;
  /** The segment is in ClickHouse: its file goes. */
  retire(segment: SealedSegment): Promise<void>;
  /** The segment can never be delivered as it is (corrupt): its file is kept aside, out of the queue. */
  quarantine(segment: SealedSegment, reason: string): Promise<void>;
}

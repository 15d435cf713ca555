/**
 * Segments: where the spool and delivery meet. A sealed segment is exactly one Native block in one partition of one table: the body of one INSERT, the same
 * bytes at every try. It is a file that begins with it, or in memory, and a file is made of it when there is a second try.
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
  /** For the few whose sender gives up when it is refused: only these may use the room that `spool.reserve_bytes` keeps. Absent: no. */
  readonly uses_reserve?: boolean;
}

/** Where a segment that was cut out of another comes from. */
export interface SegmentOrigin {
  /** The segment that was split, whose file went when this one and its sibling were durable. */
  readonly parent: string;
  /** The segment that events were first sealed into, and how many of its rows stand before this one's. */
  readonly root: string;
  readonly first_row: number;
}

export interface SealedSegment {
  /** Identity: the value of `ingest_segment` in each of its rows, and the deduplication token of its INSERT. */
  readonly id: string;
  readonly table: string;
  readonly month: number;
  /** Order of sealing within this data directory; delivery goes by it. Segments cut out of one keep its place, the earlier rows first. */
  /**
   * Order of opening within this data directory: delivery goes by it among those that wait. Sealing may come in another order, at a month's turn and
   * when a file is sealed only at a later try.
   */
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
  /** Absent for a segment that is as it was first sealed. */
  readonly origin?: SegmentOrigin;
}

/** Why a row was set aside, in ClickHouse's words. */
export interface Rejection {
  readonly code: string;
  readonly message: string;
}

/** Sorts by place in the order of delivery. */
export function byPlace(left: SealedSegment, right: SealedSegment): number {
  return left.sequence - right.sequence || (left.origin?.first_row ?? 0) - (right.origin?.first_row ?? 0);
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
  /**
   * Puts two new segments, each with half of the rows and an identity of its own, in the place of a segment of two rows or more. None of its rows may be in
   * ClickHouse or still get there. After a failure it can be called again; after a crash there is either the segment or both halves.
   */
  split(segment: SealedSegment): Promise<readonly [SealedSegment, SealedSegment]>;
  /** Moves a segment of one row, which ClickHouse rejects for good, to the dead letters. Can be called again after a failure. */
  deadLetter(segment: SealedSegment, rejection: Rejection): Promise<void>;
}

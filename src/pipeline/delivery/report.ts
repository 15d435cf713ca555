/** What delivery tells the world: events as they happen, and the state of things when asked. */
import type { SealedSegment } from '../../contract/segment.ts';
import type { FailureAction } from '../../contract/sink.ts';

/**
 * - `idle`: nothing to deliver
 * - `sending`: the first try of a segment, or waiting for its turn
 * - `settling`: the fate of an INSERT is unknown and being asked
 * - `retrying`: the last try failed; another follows by itself
 * - `paused`: every try fails until somebody acts; a slow probe goes on
 * - `stopped`: ClickHouse holds a part of a segment, which must not be. Nothing is sent until the count is none or all again
 */
export type LaneState = 'idle' | 'sending' | 'settling' | 'retrying' | 'paused' | 'stopped';

export interface DeliveryFailure {
  readonly at_ms: number;
  readonly segment: string;
  readonly action: FailureAction | 'stop';
  readonly in_doubt: boolean;
  /** ClickHouse's code, the network's, or the file system's. */
  readonly code: string;
  readonly message: string;
}

export interface DeliveryObserver {
  /** ClickHouse confirmed an INSERT; after a doubt that does not yet mean that its rows are there. */
  inserted(segment: SealedSegment, duration_ms: number): void;
  /** The segment's rows are in ClickHouse and its file is gone. */
  delivered(segment: SealedSegment): void;
  failed(segment: SealedSegment, failure: DeliveryFailure): void;
  /** Two segments took the place of one that ClickHouse refuses as it is. */
  split(segment: SealedSegment, halves: readonly SealedSegment[], failure: DeliveryFailure): void;
  /** A row was given up and is among the dead letters. */
  deadLettered(segment: SealedSegment, failure: DeliveryFailure): void;
  /** The segment was set aside and the table goes on; it is kept on disk and tried again slowly, and at each start. */
  parked(segment: SealedSegment, failure: DeliveryFailure): void;
  /** The segment's file is damaged and was moved out of the queue. */
  quarantined(segment: SealedSegment, reason: string): void;
  stateChanged(table: string, state: LaneState, failure: DeliveryFailure | undefined): void;
}

export interface LaneFigures {
  readonly table: string;
  readonly state: LaneState;
  /** What keeps it in that state; undefined while all is well. */
  readonly last_failure: DeliveryFailure | undefined;
  /** All that is not yet in ClickHouse, parked segments included. */
  readonly segments: number;
  readonly rows: number;
  /** Of the segments' files. */
  readonly bytes: number;
  readonly parked_segments: number;
  readonly parked_rows: number;
  /** Why the first of them was set aside, in ClickHouse's words. */
  readonly parked_reason: string | undefined;
  /** Milliseconds since the epoch; undefined when nothing waits. */
  readonly oldest_received_at_ms: number | undefined;
}

export interface DeliveryFigures {
  readonly segments: number;
  readonly rows: number;
  readonly bytes: number;
  readonly parked_segments: number;
  readonly oldest_received_at_ms: number | undefined;
  /** Since the start of this process. */
  readonly delivered_segments: number;
  readonly delivered_rows: number;
  readonly inserts: number;
  readonly quarantined_segments: number;
  readonly failures: Readonly<Record<DeliveryFailure['action'], number>>;
  readonly last_failure: DeliveryFailure | undefined;
  readonly tables: readonly LaneFigures[];
}

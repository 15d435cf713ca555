/** What the spool is told from the configuration, and what it tells of itself: its ports outward. */
import type { SegmentBooks } from '../../contract/books.ts';
import type { OperatingError } from '../../contract/errors.ts';
import type { Clock, Fs, Random } from '../../contract/ports.ts';
import type { SealedSegment } from '../../contract/segment.ts';

export interface SpoolOptions {
  /** Absolute; prepared and locked by the caller (`prepareDataDirectory`, `lockDirectory`). */
  readonly data_dir: string;
  /** `disk`: an append settles once it is synced. `memory`: once it is written, which a crash of the process survives but a crash of the machine may not. */
  readonly ack: 'disk' | 'memory';
  /** Open and sealed files together. While one segment is sealed its bytes are on the disk twice for a moment. */
  readonly bytes_max: number;
  /** Blocks in memory that are not yet written. */
  readonly queued_bytes_max: number;
  /** How long a group may wait for company, when the group before it had some; 0 never waits. */
  readonly group_delay_ms_max: number;
  readonly seal_rows_max: number;
  readonly seal_bytes_max: number;
  readonly seal_age_ms_max: number;
  /** Below this much free disk nothing more is accepted: sealing needs room to turn what was accepted into what can be delivered. */
  readonly free_bytes_min: number;
}

/** What happened that an operator should hear of; the context names files, never events. */
export type SpoolIncident =
  | 'append_failed'
  | 'seal_failed'
  | 'record_quarantined'
  | 'segment_quarantined'
  | 'tail_torn'
  | 'foreign_file'
  | 'upload_waits_for_start'
  | 'upload_record_damaged'
  | 'replay_failed'
  | 'disk_unwritable'
  | 'disk_writable_again'
  | 'ledger_unwritable'
  | 'ledger_prune_failed'
  | 'ledger_damaged';

/** Counters, histograms and the log, as the spool needs them. Called on the hot path: must be cheap and must not throw. */
export interface SpoolObserver {
  /** One fdatasync of an open segment. */
  synced(duration_ms: number): void;
  /** One group commit, successful or not. */
  groupCommitted(blocks: number, bytes: number): void;
  sealed(segment: SealedSegment, duration_ms: number): void;
  /** A row that ClickHouse rejects was set aside among the dead letters. */
  deadLettered(segment: SealedSegment): void;
  /** A dead letter is in the queue again. */
  replayed(segment: SealedSegment): void;
  incident(name: SpoolIncident, context: Readonly<Record<string, string | number>>): void;
}

export interface SpoolPorts {
  readonly fs: Fs;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: SpoolObserver;
  /** None are kept where it is absent. */
  readonly books?: SegmentBooks;
}

export interface SpoolStats {
  readonly spool_bytes: number;
  readonly queued_bytes: number;
  readonly open_segments: number;
  /** Closed and not yet sealed. */
  readonly unsealed_segments: number;
  readonly sealed_segments: number;
  readonly sealed_rows: number;
  /** The oldest receipt among rows that are not sealed yet, as far as it is known; undefined without such rows. */
  readonly oldest_unsealed_received_at_ms: number | undefined;
  readonly quarantined: number;
  /** How many dead letters each table has. */
  readonly dead_letters: Readonly<Record<string, number>>;
  /** Why nothing can be appended just now. */
  readonly problem: OperatingError | undefined;
}

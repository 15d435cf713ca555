/** What the spool is told from the configuration, and what it tells of itself: its ports outward. */
import type { SegmentBooks } from '../../contract/books.ts';
import type { OperatingError } from '../../contract/errors.ts';
import type { Clock, Fs, Random } from '../../contract/ports.ts';
import type { SealedSegment } from '../../contract/segment.ts';
import type { SpaceLimits } from './space.ts';

export interface SpoolOptions extends SpaceLimits {
  /** Absolute; prepared and locked by the caller (`prepareDataDirectory`, `lockDirectory`). */
  readonly data_dir: string;
  /** `disk`: an append settles once it is synced. `memory`: once it is written, which a crash of the process survives but a crash of the machine may not. */
  readonly ack: 'disk' | 'memory';
  /** Blocks in memory that are not yet written. */
  readonly queued_bytes_max: number;
  /** Memory for what is on the disk and not in ClickHouse yet, so that it is not read back. */
  readonly held_bytes_max: number;
  /** How long a group may wait for company, when the group before it had some; 0 never waits. */
  readonly group_delay_ms_max: number;
  readonly seal_rows_max: number;
  readonly seal_bytes_max: number;
  readonly seal_age_ms_max: number;
  /** With fewer of a table waiting for ClickHouse, a segment whose rows are in memory is sealed without being written. Only with `ack: disk`. */
  readonly unfiled_segments_max: number;
  /** A segment of so many records is busy: the file of the one after it is made ready meanwhile. */
  readonly spare_records_min: number;
}

/** What happened that an operator should hear of; the context names files, never events. */
export type SpoolIncident =
  | 'append_failed'
  | 'seal_failed'
  | 'record_quarantined'
  | 'segment_quarantined'
  | 'segment_lost'
  | 'tail_torn'
  | 'foreign_file'
  | 'upload_waits_for_start'
  | 'upload_record_damaged'
  | 'replay_failed'
  | 'disk_unwritable'
  | 'disk_writable_again'
  | 'ledger_unwritable'
  | 'ledger_prune_failed'
  | 'ledger_damaged'
  | 'disk_nearly_full'
  | 'disk_has_room_again';

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
  /** A segment of `table` is about to be sealed, and waits until this resolves. Where it rejects it is tried again later. */
  readonly beforeSeal?: (table: string) => Promise<void>;
  /** Of what is split, set aside and replayed; the ledger where it is absent. */
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
  /** Of the disk, when it was last asked. */
  readonly disk_free_bytes: number | undefined;
  /** Below so much free disk ordinary blocks are refused. */
  readonly disk_free_bytes_min: number;
  /** Beyond this size of the spool ordinary blocks are refused. */
  readonly spool_bytes_max: number;
  /** Why nothing can be appended just now, except perhaps by blocks that use the reserve. */
  readonly problem: OperatingError | undefined;
}

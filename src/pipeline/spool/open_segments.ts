/**
 * The open segments, one per table and month of receipt: hands a block its writer, and closes a segment when it is full, old, or broken.
 *
 * A closed segment is handed on at once, in the order of closing; its file is not written any more.
 */
import { assert } from '../../base/assert.ts';
import type { Timer } from '../../contract/ports.ts';
import type { SpoolBlock } from '../../contract/segment.ts';
import type { Table } from '../../contract/table.ts';
import type { AccountsSum } from './accounts.ts';
import { HeldRows } from './held_rows.ts';
import type { SpoolOptions, SpoolPorts } from './options.ts';
import type { PagePool } from './page_pool.ts';
import type { RecordTable } from './record_table.ts';
import type { SegmentName } from './segment_name.ts';
import { SegmentWriter } from './segment_writer.ts';
import { SpareSegments } from './spare_segments.ts';
import type { SyncedDirectory } from './synced_directory.ts';

/** Records of one segment: bounds the table of them in memory (about 7 MB for thirteen columns). */
export const RECORDS_MAX = 32_768;
/** Tables times months: a clock that jumps about must not open files without end. */
const OPEN_SEGMENTS_MAX = 64;

/** A segment that takes no more records and waits to be sealed. */
export interface ClosedSegment {
  readonly segment: SegmentName;
  /** Bytes that count; what lies behind was never acknowledged. Undefined for a file of an earlier run: read to its end. */
  readonly end_bytes: number | undefined;
  /** What the file takes of the spool's space. */
  readonly file_bytes: number;
  /** Without it the file is scanned before it is sealed. */
  readonly records: RecordTable | undefined;
  /** Its rows in memory, as far as they are; only with `records`. */
  readonly held?: HeldRows | undefined;
  readonly received_at_ms: number | undefined;
  /** How often sealing it failed for a reason that may be its file's. */
  readonly failed_seals: number;
}

export interface OpenSegmentsHooks {
  nextSequence(): number;
  /** Whether a segment of this table should be sealed because of its age; not while a backlog waits to be delivered anyway. */
  shouldSealByAge(table: string): boolean;
  /** A segment begins; `accounts` grow with it. */
  opened(segment_id: string, accounts: AccountsSum): void;
  closed(segment: ClosedSegment): void;
  /** A segment ended without a record, and is gone. */
  emptied(segment_id: string): void;
}

interface OpenSegment {
  readonly writer: SegmentWriter;
  age_timer: Timer;
  is_aged: boolean;
}

export class OpenSegments {
  private readonly by_partition = new Map<string, OpenSegment>();
  private readonly closing = new Set<Promise<void>>();
  private readonly spares = new SpareSegments((table, month) => this.createWriter(table, month));

  constructor(
    private readonly ports: SpoolPorts,
    private readonly options: SpoolOptions,
    private readonly directory: SyncedDirectory,
    private readonly tables: ReadonlyMap<string, Table>,
    private readonly pool: PagePool,
    private readonly hooks: OpenSegmentsHooks,
  ) {}

  get count(): number {
    return this.by_partition.size;
  }

  /** The oldest receipt in an open segment; Infinity without any. */
  oldestReceivedAtMs(): number {
    let oldest_ms = Number.POSITIVE_INFINITY;
    for (const { writer } of this.by_partition.values()) oldest_ms = Math.min(oldest_ms, writer.records.received_at_ms);
    return oldest_ms;
  }

  /** The segment that takes the block; valid until the next `settle` of it. */
  writerFor(block: SpoolBlock): SegmentWriter {
    const partition = `${block.table}/${block.month}`;
    const present = this.by_partition.get(partition);
    if (present !== undefined) return present.writer;
    const writer = this.spares.take(block.table, block.month) ?? this.createWriter(block.table, block.month);
    const opened: OpenSegment = { writer, is_aged: false, age_timer: this.scheduleAge(partition) };
    this.by_partition.set(partition, opened);
    this.hooks.opened(writer.header.id, writer.records.accounts);
    return writer;
  }

  /** After a commit: closes the segment if it is full, aged or failed. */
  settle(writer: SegmentWriter): void {
    const { table, month } = writer.header;
    if (this.by_partition.size > OPEN_SEGMENTS_MAX) this.closeOldest();
    const opened = this.by_partition.get(`${table}/${month}`);
    if (opened?.writer !== writer) return;
    const is_full =
      writer.records.rows >= this.options.seal_rows_max ||
      writer.end_bytes >= this.options.seal_bytes_max ||
      writer.records.count >= RECORDS_MAX;
    if (is_full || opened.is_aged || writer.failed) this.close(opened);
    else if (writer.records.count >= this.options.spare_records_min) this.spares.prepare(table, month);
  }

  /** Closes all that is open, and resolves when every closed file was handed on. The committer must be idle. */
  async closeAll(): Promise<void> {
    for (const opened of [...this.by_partition.values()]) this.close(opened);
    await Promise.all([this.spares.clear(), ...this.closing]);
  }

  private createWriter(table_name: string, month: number): SegmentWriter {
    const table = this.tables.get(table_name);
    assert(table !== undefined, `BUG: a block for the unknown table ${table_name}`);
    const header = {
      id: this.ports.random.uuid(),
      table: table_name,
      month,
      sequence: this.hooks.nextSequence(),
      columns: table.columns,
    };
    return new SegmentWriter(this.ports, this.directory, this.options.ack, header, new HeldRows(header, this.pool));
  }

  private close(opened: OpenSegment): void {
    const { writer } = opened;
    assert(!writer.committing, 'BUG: a segment is closed while it is written');
    opened.age_timer.cancel();
    this.by_partition.delete(`${writer.header.table}/${writer.header.month}`);
    const closing = this.handOn(writer).finally(() => this.closing.delete(closing));
    this.closing.add(closing);
  }

  private async handOn(writer: SegmentWriter): Promise<void> {
    const { records, end_bytes, header, held } = writer;
    await writer.close();
    if (records.count === 0) {
      this.hooks.emptied(header.id);
      return;
    }
    this.hooks.closed({
      segment: header,
      end_bytes,
      file_bytes: end_bytes,
      records,
      held,
      received_at_ms: records.received_at_ms,
      failed_seals: 0,
    });
  }

  private closeOldest(): void {
    for (const opened of this.by_partition.values()) {
      if (opened.writer.committing) continue;
      this.close(opened);
      return;
    }
  }

  private scheduleAge(partition: string): Timer {
    return this.ports.clock.schedule(this.options.seal_age_ms_max, () => this.age(partition));
  }

  private age(partition: string): void {
    const opened = this.by_partition.get(partition);
    if (opened === undefined) return;
    if (!this.hooks.shouldSealByAge(opened.writer.header.table)) {
      opened.age_timer = this.scheduleAge(partition);
      return;
    }
    opened.is_aged = true;
    if (!opened.writer.committing && opened.writer.end_bytes > 0) this.close(opened);
  }
}

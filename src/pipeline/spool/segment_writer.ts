/**
 * One open segment: the only writer of its file, from creation to the last record.
 *
 * Promises: what `commit` resolved for is on the disk (or, with `ack: memory`, in the file); what it rejected for is not part of the segment. A file
 * whose sync failed is never written or synced again, since the kernel may have dropped its dirty pages and would call the next sync a success; the
 * segment then ends at its last durable record.
 */
import { assert } from '../../base/assert.ts';
import type { Clock, FileHandle, Fs } from '../../contract/ports.ts';
import { removeIfThere, writeFully } from './file_io.ts';
import type { HeldRows } from './held_rows.ts';
import { RECORD_HEADER_BYTES, recordSeed, writeRecordHeader } from './record.ts';
import { RecordTable } from './record_table.ts';
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader } from './segment_header.ts';
import { segmentFileName } from './segment_name.ts';
import type { SyncedDirectory } from './synced_directory.ts';

export interface SegmentWriterPorts {
  readonly fs: Fs;
  readonly clock: Clock;
  readonly observer: { synced(duration_ms: number): void };
}

export class SegmentWriter {
  readonly records: RecordTable;
  /** True while `commit` runs; nobody else may close the segment then. */
  committing = false;
  /** The end of the last record that counts. */
  end_bytes = 0;
  /** The file took an error that it cannot come back from: close the segment. */
  failed = false;
  private file: FileHandle | undefined;
  /** Whether the header is in the file; the first record takes it along where `prepare` has not. */
  private has_header = false;
  /** Whether a flush has made the file's name durable; `commit` does it with the first. */
  private is_named_durably = false;
  private readonly seed: number;

  constructor(
    private readonly ports: SegmentWriterPorts,
    private readonly directory: SyncedDirectory,
    private readonly ack: 'disk' | 'memory',
    readonly header: SegmentHeader,
    /** What keeps the rows in memory, where somebody does. */
    readonly held?: HeldRows,
  ) {
    this.records = new RecordTable(header.columns.length);
    this.seed = recordSeed(header.id);
  }

  /**
   * Makes the file, with its header and its name on the disk, before the first record is there.
   *
   * @throws the operating system's error; then the segment is good for nothing: `close` it
   */
  async prepare(): Promise<void> {
    assert(this.file === undefined && !this.committing, 'BUG: a segment is prepared that has begun');
    this.committing = true;
    try {
      const file = await this.create();
      await writeFully(file, [encodeSegmentHeader(this.header)], 0);
      if (this.ack === 'disk') await this.sync(file, true);
      this.has_header = true;
    } finally {
      this.committing = false;
    }
  }

  /**
   * Appends the blocks as one write and one sync.
   *
   * @throws the operating system's error; then none of the blocks is in the segment, and the segment goes on unless `failed`
   */
  commit(blocks: readonly Uint8Array[]): Promise<void> {
    return this.take(blocks, this.ack === 'disk');
  }

  /**
   * Appends the blocks, which are on the disk once a `flush` that began later has resolved: for a segment that counts as a whole or not at
   * all. Throws as `commit` does.
   */
  append(blocks: readonly Uint8Array[]): Promise<void> {
    return this.take(blocks, false);
  }

  /** Makes durable what was appended; `append` may go on meanwhile. After an error nothing of the segment counts. */
  async flush(): Promise<void> {
    if (this.file === undefined || this.ack === 'memory') return;
    const is_new = !this.is_named_durably;
    await this.sync(this.file, is_new);
    this.is_named_durably = true;
  }

  private async take(blocks: readonly Uint8Array[], is_synced: boolean): Promise<void> {
    assert(!this.failed && !this.committing, 'BUG: a commit to a segment that cannot take it');
    this.committing = true;
    try {
      const is_new = !this.has_header;
      const file = this.file ?? (await this.create());
      const start_bytes = this.recordsEndBytes();
      const writing = this.writeOut(file, blocks, is_new, is_synced);
      // While the disk works.
      for (const block of blocks) this.held?.add(block);
      this.end_bytes = await writing;
      this.has_header = true;
      this.remember(blocks, start_bytes);
    } catch (error) {
      this.held?.drop();
      throw error;
    } finally {
      this.committing = false;
    }
  }

  /** Ends the segment. A file without a single record is removed. Errors do not matter any more: what counts is durable. */
  async close(): Promise<void> {
    this.failed = true;
    await this.file?.close().catch(() => undefined);
    this.file = undefined;
    if (this.records.count > 0) return;
    this.held?.drop();
    await removeIfThere(this.ports.fs, this.path).catch(() => undefined);
  }

  private get path(): string {
    return `${this.directory.path}/${segmentFileName(this.header, 'open')}`;
  }

  /** Where the next record goes. */
  private recordsEndBytes(): number {
    return Math.max(SEGMENT_HEADER_BYTES, this.end_bytes);
  }

  private async create(): Promise<FileHandle> {
    this.file = await this.ports.fs.open(this.path, 'create');
    return this.file;
  }

  private async writeOut(file: FileHandle, blocks: readonly Uint8Array[], is_new: boolean, is_synced: boolean): Promise<number> {
    const end_bytes = await this.write(file, blocks, is_new);
    if (is_synced) await this.sync(file, is_new);
    return end_bytes;
  }

  /** Writes the records, and before the first one the header; on an error cuts off what was written of them. */
  private async write(file: FileHandle, blocks: readonly Uint8Array[], is_new: boolean): Promise<number> {
    const record_headers = Buffer.allocUnsafe(blocks.length * RECORD_HEADER_BYTES);
    const buffers: Uint8Array[] = is_new ? [encodeSegmentHeader(this.header)] : [];
    const start_bytes = this.recordsEndBytes();
    let end_bytes = start_bytes;
    let at = 0;
    for (const block of blocks) {
      writeRecordHeader(record_headers, at, block, this.seed);
      buffers.push(record_headers.subarray(at, at + RECORD_HEADER_BYTES), block);
      at += RECORD_HEADER_BYTES;
      end_bytes += RECORD_HEADER_BYTES + block.length;
    }
    try {
      await writeFully(file, buffers, is_new ? 0 : start_bytes);
    } catch (error) {
      if (is_new) this.failed = true;
      else await this.cutTail(file, start_bytes);
      throw error;
    }
    return end_bytes;
  }

  private async cutTail(file: FileHandle, end_bytes: number): Promise<void> {
    try {
      await file.truncate(end_bytes);
    } catch {
      this.failed = true;
    }
  }

  private async sync(file: FileHandle, is_new: boolean): Promise<void> {
    const start_ms = this.ports.clock.monotonicMs();
    const outcomes = await Promise.allSettled([file.datasync(), ...(is_new ? [this.directory.sync()] : [])]);
    this.ports.observer.synced(this.ports.clock.monotonicMs() - start_ms);
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue;
      this.failed = true;
      throw outcome.reason;
    }
  }

  private remember(blocks: readonly Uint8Array[], start_bytes: number): void {
    let at = start_bytes;
    for (const block of blocks) {
      this.records.add(at + RECORD_HEADER_BYTES, block);
      at += RECORD_HEADER_BYTES + block.length;
    }
  }
}

/**
 * Sealed segments that are in memory, while all there is of them on the disk is the open file that they were appended to. Most are delivered by their first
 * INSERT: then nothing of them is ever written a second time.
 *
 * Owner of those open files. A token is taken by a mark in the file (`send_mark.ts`), so that what a crash leaves, or brings back, is known to have been sent
 * and is sealed with just the rows that were. As soon as anything else is wanted of a segment than to be sent once and go, it gets its sealed file.
 */
import { assert } from '../../base/assert.ts';
import type { Fs } from '../../contract/ports.ts';
import type { SealedSegment } from '../../contract/segment.ts';
import { removeIfThere, withFile } from './file_io.ts';
import type { ClosedSegment } from './open_segments.ts';
import type { SpoolOptions } from './options.ts';
import type { Sealer } from './sealer.ts';
import { SEND_MARK_OFFSET } from './segment_header.ts';
import { segmentFileName } from './segment_name.ts';
import { writeSendMark } from './send_mark.ts';
import type { SyncedDirectory } from './synced_directory.ts';
import { mayBeTheFile } from './system_errors.ts';

/** A segment that has its file now. */
export interface Filed {
  readonly segment: SealedSegment;
  /** See `Sealing`. */
  readonly removal_mark: number;
}

export class UnfiledSegments {
  private readonly by_id = new Map<string, ClosedSegment>();

  constructor(
    private readonly fs: Fs,
    private readonly directory: SyncedDirectory,
    private readonly sealer: Pick<Sealer, 'file'>,
    private readonly options: Pick<SpoolOptions, 'ack' | 'unfiled_segments_max'>,
  ) {}

  /**
   * Whether a segment may be one of these while so many others of its table wait: as long as ClickHouse takes what comes. A backlog gets its files, which a
   * start finds at once; and with `ack: memory` an open file may not be on the disk.
   */
  mayTake(waiting_segments: number): boolean {
    return this.options.ack === 'disk' && waiting_segments < this.options.unfiled_segments_max;
  }

  add(closed: ClosedSegment): void {
    // Its rows are with whoever delivers them; what its file has is read from there, if it must be.
    this.by_id.set(closed.segment.id, { ...closed, records: undefined, held: undefined });
  }

  has(segment_id: string): boolean {
    return this.by_id.has(segment_id);
  }

  /** Makes durable that the segment is about to be sent for the first time. */
  async markSent(segment: SealedSegment): Promise<void> {
    const { end_bytes } = this.get(segment);
    assert(end_bytes !== undefined, 'BUG: a segment of an earlier run is sent from memory');
    await withFile(this.fs, this.pathOf(segment), 'write', (file) =>
      writeSendMark(file, SEND_MARK_OFFSET, { rows: segment.rows, end_bytes }),
    );
  }

  /**
   * Seals the open file, which then goes: the segment is not one of these any more.
   *
   * @returns why the file is not what was announced, if it is not
   * @throws the operating system's error; then it can be tried again
   */
  async file(segment: SealedSegment): Promise<Filed | string> {
    const closed = this.get(segment);
    try {
      const filed = await this.sealer.file(closed, segment);
      if (typeof filed === 'object') this.by_id.delete(segment.id);
      return filed;
    } catch (error) {
      this.by_id.set(segment.id, { ...closed, failed_seals: closed.failed_seals + Number(mayBeTheFile(error)) });
      throw error;
    }
  }

  /** The segment is in ClickHouse. Its file goes without a sync: what a crash brings back has its mark. */
  async remove(segment: SealedSegment): Promise<void> {
    await removeIfThere(this.fs, this.pathOf(segment));
    this.by_id.delete(segment.id);
  }

  /** Somebody else has taken the file. */
  forget(segment_id: string): void {
    this.by_id.delete(segment_id);
  }

  private get(segment: SealedSegment): ClosedSegment {
    const closed = this.by_id.get(segment.id);
    assert(closed !== undefined, `BUG: segment ${segment.id} has its file`);
    return closed;
  }

  private pathOf(segment: SealedSegment): string {
    return `${this.directory.path}/${segmentFileName(segment, 'open')}`;
  }
}

/**
 * The sealed segments: which there are, and what delivery does with them. Implements `SegmentStore`.
 *
 * Owner of the sealed files once they are announced. Removing one is not synced: should a crash bring it back, its tokens come back with it, it is in
 * doubt, and delivery finds its rows in ClickHouse by count. What must never come back is the open file it was made of, for that one has no tokens and
 * would be sealed and sent again; so its removal is made durable before the sealed file goes.
 */

import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { assert } from '../../base/assert.ts';
import type { SegmentBooks } from '../../contract/books.ts';
import { OperatingError } from '../../contract/errors.ts';
import type { FileHandle, Fs } from '../../contract/ports.ts';
import { byPlace, type Rejection, type SealedSegment, type SegmentStore } from '../../contract/segment.ts';
import type { DeadLetters } from './dead_letters.ts';
import { removeIfThere, withFile } from './file_io.ts';
import type { HeldBlocks } from './held_blocks.ts';
import type { ClosedSegment } from './open_segments.ts';
import type { Quarantine } from './quarantine.ts';
import { readSealedTail, type SealedFooter, writeToken } from './sealed_footer.ts';
import type { Sealing } from './sealer.ts';
import { type SegmentFileKind, segmentFileName } from './segment_name.ts';
import type { Halves, Splitter } from './splitter.ts';
import type { SyncedDirectory } from './synced_directory.ts';
import { errorCode, isOutOfDescriptors, reasonOf } from './system_errors.ts';
import type { UnfiledSegments } from './unfiled_segments.ts';
import { WINDOW_BYTES } from './window_reader.ts';

/** A file that cannot be read so many times in a row will not be: delivery's waits between them make it some minutes. */
const READ_FAILURES_MAX = 20;

interface Entry {
  segment: SealedSegment;
  /** In a row. */
  read_failures: number;
  removal_mark: number;
  /** Both are durable; they take over as soon as this segment's file is gone for good. */
  halves?: Halves;
}

/** What happens to segments that do not simply go in. */
export interface SealedFilesHelpers {
  readonly quarantine: Quarantine;
  readonly splitter: Splitter;
  readonly letters: DeadLetters;
  readonly books: SegmentBooks;
  readonly blocks: HeldBlocks;
  readonly unfiled: UnfiledSegments;
}

export class SealedFiles implements SegmentStore {
  private readonly entries = new Map<string, Entry>();
  private readonly by_table = new Map<string, number>();
  private total_bytes = 0;
  private total_rows = 0;

  constructor(
    private readonly fs: Fs,
    private readonly directory: SyncedDirectory,
    private readonly helpers: SealedFilesHelpers,
  ) {}

  get count(): number {
    return this.entries.size;
  }

  get bytes(): number {
    return this.total_bytes;
  }

  get rows(): number {
    return this.total_rows;
  }

  /** How many segments of the table wait to be delivered. */
  countOf(table: string): number {
    return this.by_table.get(table) ?? 0;
  }

  /** In the order of delivery. */
  list(): readonly SealedSegment[] {
    return [...this.entries.values()].map(({ segment }) => segment).sort(byPlace);
  }

  /** @param removal_mark see `Sealing` */
  add(segment: SealedSegment, removal_mark: number): void {
    this.entries.set(segment.id, { segment, removal_mark, read_failures: 0 });
    this.by_table.set(segment.table, this.countOf(segment.table) + 1);
    this.total_bytes += segment.file_bytes;
    this.total_rows += segment.rows;
  }

  mayStayUnfiled(table: string): boolean {
    return this.helpers.unfiled.mayTake(this.countOf(table));
  }

  /** What the sealing of `closed` came to. */
  addSealed(segment: SealedSegment, closed: ClosedSegment, { removal_mark, block, is_filed }: Sealing): void {
    if (!is_filed) this.helpers.unfiled.add(closed);
    if (block !== undefined) this.helpers.blocks.add(segment.id, block);
    this.add(segment, removal_mark);
  }

  async open(segment: SealedSegment): Promise<Readable> {
    const held = this.helpers.blocks.lend(segment.id);
    if (held !== undefined) return held;
    await this.ensureFiled(segment);
    await this.check(segment);
    return this.fs.stream(this.pathOf(segment), 0, segment.native_bytes);
  }

  async takeToken(segment: SealedSegment): Promise<SealedSegment> {
    const entry = this.entries.get(segment.id);
    // There is room for one in an open file; who takes a second has met trouble.
    if (entry !== undefined && entry.segment.tokens > 0) await this.ensureFiled(segment);
    const present = entry?.segment ?? segment;
    const tokens = present.tokens + 1;
    if (this.helpers.unfiled.has(segment.id)) await this.helpers.unfiled.markSent(segment);
    else await withFile(this.fs, this.pathOf(segment), 'write', (file) => writeToken(file, present, tokens));
    const taken = { ...present, tokens };
    if (entry !== undefined) entry.segment = taken;
    return taken;
  }

  async retire(segment: SealedSegment): Promise<void> {
    await this.ensureAlone(segment);
    if (this.helpers.unfiled.has(segment.id)) await this.helpers.unfiled.remove(segment);
    else await removeIfThere(this.fs, this.pathOf(segment));
    this.directory.changed();
    await this.helpers.letters.forget(segment);
    this.helpers.blocks.delivered(segment.id);
    this.forget(segment);
  }

  async quarantine(segment: SealedSegment, reason: string): Promise<void> {
    await this.ensureAlone(segment);
    await this.helpers.quarantine.keepFile(this.directory.path, segmentFileName(segment, this.kindOf(segment)), reason);
    this.forget(segment);
  }

  async split(segment: SealedSegment): Promise<Halves> {
    const entry = this.entries.get(segment.id);
    assert(entry !== undefined, `BUG: segment ${segment.id} is split and is not there`);
    await this.ensureFiled(segment);
    await this.ensureAlone(segment);
    if (entry.halves === undefined) {
      await this.check(segment);
      entry.halves = await this.helpers.splitter.write(entry.segment);
    }
    await this.helpers.books.split(segment, entry.halves, async () => {
      await removeIfThere(this.fs, this.pathOf(segment));
      this.directory.changed();
      await this.directory.sync();
    });
    this.forget(segment);
    for (const half of entry.halves) this.add(half, 0);
    return entry.halves;
  }

  async deadLetter(segment: SealedSegment, rejection: Rejection): Promise<void> {
    await this.ensureFiled(segment);
    await this.ensureAlone(segment);
    await this.helpers.letters.keep(segment, rejection);
    this.forget(segment);
  }

  /** No crash may bring back the open file that the segment was made of, once the sealed one goes. */
  private async ensureAlone(segment: SealedSegment): Promise<void> {
    await this.directory.ensureDurable(this.entries.get(segment.id)?.removal_mark ?? 0);
  }

  /** Whatever is done with a segment but to send it once, and to let it go, is done with its sealed file. */
  private async ensureFiled(segment: SealedSegment): Promise<void> {
    const entry = this.entries.get(segment.id);
    if (entry === undefined || !this.helpers.unfiled.has(segment.id)) return;
    const filed = await this.helpers.unfiled.file(entry.segment);
    if (typeof filed === 'string') throw this.corruption(segment, filed);
    this.total_bytes += filed.segment.file_bytes - entry.segment.file_bytes;
    entry.segment = filed.segment;
    entry.removal_mark = filed.removal_mark;
  }

  private async check(segment: SealedSegment): Promise<void> {
    const problem = await this.findProblem(segment);
    if (problem !== undefined) throw this.corruption(segment, problem);
  }

  private corruption(segment: SealedSegment, problem: string): OperatingError {
    return new OperatingError('segment_corrupt', { segment: segment.id, problem, path: this.helpers.quarantine.directory });
  }

  private forget(segment: SealedSegment): void {
    this.helpers.blocks.forget(segment.id);
    this.helpers.unfiled.forget(segment.id);
    const present = this.entries.get(segment.id)?.segment;
    if (present === undefined) return;
    this.entries.delete(segment.id);
    this.by_table.set(present.table, this.countOf(present.table) - 1);
    this.total_bytes -= present.file_bytes;
    this.total_rows -= present.rows;
  }

  private kindOf(segment: SealedSegment): SegmentFileKind {
    return this.helpers.unfiled.has(segment.id) ? 'open' : 'sealed';
  }

  private pathOf(segment: SealedSegment): string {
    return `${this.directory.path}/${segmentFileName(segment, 'sealed')}`;
  }

  /** What is wrong with the file; undefined if it is what was sealed. Errors of the disk are thrown, since they may pass, but not for ever. */
  private async findProblem(segment: SealedSegment): Promise<string | undefined> {
    const entry = this.entries.get(segment.id);
    try {
      const problem = await this.checkContent(segment);
      if (entry !== undefined) entry.read_failures = 0;
      return problem;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return 'its file is gone';
      const is_over = entry !== undefined && !isOutOfDescriptors(error) && ++entry.read_failures >= READ_FAILURES_MAX;
      if (is_over) return `it cannot be read, ${reasonOf(error)}`;
      throw error;
    }
  }

  private checkContent(segment: SealedSegment): Promise<string | undefined> {
    return withFile(this.fs, this.pathOf(segment), 'read', async (file) => {
      const tail = await readSealedTail(file);
      if (tail === undefined || tail.footer.id !== segment.id) return 'its footer is damaged';
      return (await checksumOf(file, tail.footer)) === tail.footer.native_crc32 ? undefined : 'its rows are damaged';
    });
  }
}

async function checksumOf(file: FileHandle, footer: SealedFooter): Promise<number> {
  const window = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, footer.native_bytes));
  let crc = 0;
  for (let at = 0; at < footer.native_bytes; at += window.length) {
    const wanted = window.subarray(0, Math.min(window.length, footer.native_bytes - at));
    const read_bytes = await file.read(wanted, at);
    crc = crc32(wanted.subarray(0, read_bytes), crc);
  }
  return crc;
}

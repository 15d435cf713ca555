/**
 * Seals one closed segment: from records to a file with exactly one Native block, and then the open file goes.
 *
 * In this order, each step durable before the next: the sealed file under a temporary name; its rename; and only then the removal of the open file. So
 * there is always at least one of the two, and a second sealing after a crash makes the same rows under the same id, none of which was ever sent.
 */
import { assert } from '../../base/assert.ts';
import type { FileHandle, Fs } from '../../contract/ports.ts';
import type { SealedSegment } from '../../contract/segment.ts';
import { removeIfThere } from './file_io.ts';
import type { HeldBlock } from './held_rows.ts';
import { NativeBlockBuilder } from './native_block.ts';
import type { ClosedSegment } from './open_segments.ts';
import type { SpoolPorts } from './options.ts';
import { type PacedWork, Pacer } from './pacer.ts';
import type { PagePool } from './page_pool.ts';
import type { Quarantine } from './quarantine.ts';
import { recordSeed } from './record.ts';
import { scanRecords } from './record_scan.ts';
import type { RecordTable } from './record_table.ts';
import { SalvagingFile } from './salvaging_file.ts';
import { SealMemory } from './seal_memory.ts';
import { readSealedTail } from './sealed_footer.ts';
import { describe, SealedWriter } from './sealed_writer.ts';
import { readSegmentHead, SEGMENT_HEADER_BYTES, type SegmentHeader } from './segment_header.ts';
import { segmentFileName } from './segment_name.ts';
import type { SyncedDirectory } from './synced_directory.ts';
import { errorCode } from './system_errors.ts';
import type { Filed } from './unfiled_segments.ts';
import { WindowReader } from './window_reader.ts';

/** Damage that is somewhere else at each reading is not damage of the file. */
const SCANS_MAX = 3;
/** So many failures, about one a second, are not a bad moment: then what can be read is sealed, and the file is set aside. */
const FAILED_SEALS_MAX = 60;

/** What is written from memory needs no buffer. */
const NO_BUFFER = Buffer.alloc(0);

/**
 * - `empty`: there is nothing to deliver
 * - `incomplete`: rows may have been sent, and the file has not all of them: nobody can say any more which of them ClickHouse has
 */
type SealFailure = 'empty' | 'unreadable' | 'incomplete';
type SealResult = SealedSegment | SealFailure;

const PROBLEMS: Readonly<Record<SealFailure, string>> = {
  empty: 'its file is gone',
  unreadable: 'its header is damaged',
  incomplete: 'rows are damaged that may have been sent',
};

/** What is known of a file's content from elsewhere. */
interface Expected {
  readonly rows: number;
  readonly tokens: number;
}

/** A segment's open file whose header was sound. */
interface OpenedSegment {
  readonly closed: ClosedSegment;
  readonly header: SegmentHeader;
  readonly name: string;
  readonly file: FileHandle;
  readonly end_bytes: number;
  /** Undefined when it may be as many as are sound. */
  readonly expected_rows: number | undefined;
  readonly tokens: number;
}

export interface Sealing {
  /** Undefined when there was no sound record: then there is nothing to deliver. */
  readonly segment: SealedSegment | undefined;
  /** Its Native block, if it is in memory: the caller's. */
  readonly block: HeldBlock | undefined;
  /** False: the block and the open file are all there is. */
  readonly is_filed: boolean;
  /** For `SyncedDirectory.ensureDurable`: until then a crash may bring the open file back. */
  readonly removal_mark: number;
}

export class Sealer {
  /** For the next sealing; when two run at once, one of them makes its own. */
  private idle_memory: SealMemory | undefined;

  private readonly writer: SealedWriter;

  constructor(
    private readonly ports: SpoolPorts,
    private readonly directory: SyncedDirectory,
    private readonly quarantine: Quarantine,
    private readonly pool: PagePool,
    work: PacedWork,
  ) {
    this.writer = new SealedWriter(ports, directory, work);
  }

  /**
   * @param may_stay_unfiled a segment whose rows are in memory need not be written
   * @throws the operating system's error, or why it must wait; then it can be tried again from the start
   */
  async seal(closed: ClosedSegment, may_stay_unfiled: boolean): Promise<Sealing> {
    await this.ports.beforeSeal?.(closed.segment.table);
    const start_ms = this.ports.clock.monotonicMs();
    const block = closed.held?.take();
    const sealing = block !== undefined && may_stay_unfiled ? this.sealInMemory(closed, block) : await this.sealToFile(closed, block);
    if (sealing.segment !== undefined) this.ports.observer.sealed(sealing.segment, this.ports.clock.monotonicMs() - start_ms);
    return sealing;
  }

  /**
   * Writes the sealed file of a segment that was sealed in memory.
   *
   * @param announced what delivery knows of it
   * @returns why the open file has not what was announced, if that is so; then it is still there
   * @throws as `seal` does
   */
  async file(closed: ClosedSegment, announced: SealedSegment): Promise<Filed | string> {
    const { result } = await this.sealPath(closed, announced);
    if (typeof result !== 'object') return PROBLEMS[result];
    assert(result.native_bytes === announced.native_bytes, `BUG: ${closed.segment.id} is another block from its file than from memory`);
    await removeIfThere(this.ports.fs, this.pathOf(closed));
    return { segment: result, removal_mark: this.directory.changed() };
  }

  private sealInMemory({ held, records, file_bytes }: ClosedSegment, block: HeldBlock): Sealing {
    assert(held !== undefined && records !== undefined, 'BUG: rows are held of a segment whose records are not known');
    const native_bytes = block.pieces.reduce((sum, piece) => sum + piece.length, 0);
    const described = describe({ header: held.header, records }, this.ports.clock.nowMs());
    return { segment: { ...described, native_bytes, file_bytes, tokens: 0 }, block, is_filed: false, removal_mark: 0 };
  }

  private async sealToFile(closed: ClosedSegment, block: HeldBlock | undefined): Promise<Sealing> {
    const { result, has_holes } = block === undefined ? await this.sealPath(closed) : await this.sealHeld(closed, block);
    const segment = typeof result === 'object' ? result : undefined;
    const { path: directory } = this.directory;
    const name = segmentFileName(closed.segment, 'open');
    if (result === 'unreadable' || result === 'incomplete') await this.quarantine.keepFile(directory, name, PROBLEMS[result]);
    else if (has_holes) await this.quarantine.keepFile(directory, name, 'the disk cannot read all of it');
    else await removeIfThere(this.ports.fs, this.pathOf(closed));
    return { segment, block, is_filed: true, removal_mark: this.directory.changed() };
  }

  private pathOf(closed: ClosedSegment): string {
    return `${this.directory.path}/${segmentFileName(closed.segment, 'open')}`;
  }

  /** From memory: the open file is not read. */
  private async sealHeld({ held, records }: ClosedSegment, block: HeldBlock): Promise<{ result: SealResult; has_holes: false }> {
    assert(held !== undefined && records !== undefined, 'BUG: rows are held of a segment whose records are not known');
    try {
      const result = await this.writer.write({ header: held.header, records, tokens: 0 }, NO_BUFFER, async (output) => {
        await output.writeAll(block.pieces);
        return 'written';
      });
      assert(result !== 'damaged', 'BUG: rows in memory are damaged');
      return { result, has_holes: false };
    } catch (error) {
      this.pool.forfeit(block.pages);
      throw error;
    }
  }

  private async sealPath(closed: ClosedSegment, expected?: Expected): Promise<{ result: SealResult; has_holes: boolean }> {
    const file = await openIfThere(this.ports.fs, this.pathOf(closed));
    if (file === undefined) return { result: await this.findSealed(closed), has_holes: false };
    try {
      if (closed.failed_seals < FAILED_SEALS_MAX) return { result: await this.sealFile(closed, file, expected), has_holes: false };
      const salvaging = new SalvagingFile(file);
      const result = await this.sealFile(closed, salvaging, expected);
      return { result, has_holes: salvaging.has_holes };
    } finally {
      await file.close();
    }
  }

  /** For an open file that is gone: a removal may have happened and been reported as failed. */
  private async findSealed(closed: ClosedSegment): Promise<SealResult> {
    const file = await openIfThere(this.ports.fs, `${this.directory.path}/${segmentFileName(closed.segment, 'sealed')}`);
    try {
      const tail = file === undefined ? undefined : await readSealedTail(file);
      if (tail?.footer.id === closed.segment.id) {
        const { native_crc32: _, ...segment } = tail.footer;
        return { ...segment, tokens: tail.tokens };
      }
    } finally {
      await file?.close();
    }
    this.ports.observer.incident('segment_lost', { file: segmentFileName(closed.segment, 'open'), bytes: closed.file_bytes });
    return 'empty';
  }

  private async sealFile(closed: ClosedSegment, file: FileHandle, expected: Expected | undefined): Promise<SealResult> {
    const file_bytes = closed.end_bytes ?? (await file.size());
    const head = await readSegmentHead(file, closed.segment.id);
    if (head === undefined) return file_bytes <= SEGMENT_HEADER_BYTES ? 'empty' : 'unreadable';
    const { header, mark } = head;
    const memory = this.idle_memory ?? new SealMemory();
    this.idle_memory = undefined;
    const opened: OpenedSegment = {
      closed,
      header,
      name: segmentFileName(closed.segment, 'open'),
      file,
      // What lies behind was never acknowledged, and was not sent.
      end_bytes: Math.min(file_bytes, mark?.content?.end_bytes ?? file_bytes),
      expected_rows: expected?.rows ?? mark?.content?.rows,
      tokens: Math.max(expected?.tokens ?? 0, mark === undefined ? 0 : 1),
    };
    const result = await this.sealRecords(opened, memory);
    // After an error somebody may still write from it.
    this.idle_memory = memory;
    return result;
  }

  private async sealRecords(opened: OpenedSegment, memory: SealMemory): Promise<SealResult> {
    const { closed, header, name, file, end_bytes, expected_rows, tokens } = opened;
    const reader = new WindowReader(file, end_bytes, memory.window);
    let { records } = closed;
    for (let scans = 0; scans <= SCANS_MAX; scans++) {
      memory.release();
      records ??= await this.scan(reader, header, name, file);
      if (expected_rows !== undefined && records.rows !== expected_rows) return 'incomplete';
      if (records.count === 0) return 'empty';
      const known = records;
      const segment = await this.writer.write({ header, records, tokens }, memory.output, (output) => {
        return new NativeBlockBuilder(header, known, reader, output, memory, new Pacer(this.ports.clock)).build();
      });
      if (segment !== 'damaged') return segment;
      records = undefined;
    }
    throw new Error(`${name} reads differently each time`);
  }

  private async scan(reader: WindowReader, header: SegmentHeader, name: string, file: FileHandle): Promise<RecordTable> {
    const scan = await scanRecords(reader, header.columns.length, recordSeed(header.id));
    if (scan.torn_bytes > 0) this.ports.observer.incident('tail_torn', { file: name, bytes: scan.torn_bytes });
    for (const place of scan.damaged) await this.quarantine.keepRecord(file, name, place);
    return scan.records;
  }
}

async function openIfThere(fs: Fs, path: string): Promise<FileHandle | undefined> {
  try {
    return await fs.open(path, 'read');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

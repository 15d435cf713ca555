/**
 * Seals one closed segment: from records to a file with exactly one Native block, and then the open file goes.
 *
 * In this order, each step durable before the next: the sealed file under a temporary name; its rename; and only then the removal of the open file. So
 * there is always at least one of the two, and a second sealing after a crash makes the same rows under the same id, none of which was ever sent.
 */
import { assert } from '../../base/assert.ts';
import type { FileHandle, Fs } from '../../contract/ports.ts';
import type { SealedSegment } from '../../contract/segment.ts';
import { SEGMENT_COLUMN } from '../../contract/table.ts';
import { removeIfThere, withFile, writeFully } from './file_io.ts';
import type { HeldBlock } from './held_rows.ts';
import { NativeBlockBuilder, type NativeBlockResult } from './native_block.ts';
import { NativeWriter } from './native_writer.ts';
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
import { encodeSealedTail, readSealedTail } from './sealed_footer.ts';
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader } from './segment_header.ts';
import { PARTIAL_SUFFIX, segmentFileName } from './segment_name.ts';
import type { SyncedDirectory } from './synced_directory.ts';
import { errorCode } from './system_errors.ts';
import { WindowReader } from './window_reader.ts';

/** Damage that is somewhere else at each reading is not damage of the file. */
const SCANS_MAX = 3;
/** So many failures, about one a second, are not a bad moment: then what can be read is sealed, and the file is set aside. */
const FAILED_SEALS_MAX = 60;

/** What is written from memory needs no buffer. */
const NO_BUFFER = Buffer.alloc(0);

/** `empty`: there is nothing to deliver. */
type SealResult = SealedSegment | 'empty' | 'unreadable';

/** A segment's open file whose header was sound. */
interface OpenedSegment {
  readonly closed: ClosedSegment;
  readonly header: SegmentHeader;
  readonly name: string;
  readonly file: FileHandle;
  readonly end_bytes: number;
}

export interface Sealing {
  /** Undefined when there was no sound record: then there is nothing to deliver. */
  readonly segment: SealedSegment | undefined;
  /** Its Native block, if it is in memory: the caller's. */
  readonly block: HeldBlock | undefined;
  /** For `SyncedDirectory.ensureDurable`: until then a crash may bring the open file back. */
  readonly removal_mark: number;
}

export class Sealer {
  /** For the next sealing; when two run at once, one of them makes its own. */
  private idle_memory: SealMemory | undefined;

  constructor(
    private readonly ports: SpoolPorts,
    private readonly directory: SyncedDirectory,
    private readonly quarantine: Quarantine,
    private readonly pool: PagePool,
    private readonly work: PacedWork,
  ) {}

  /** @throws the operating system's error, or why it must wait; then it can be tried again from the start */
  async seal(closed: ClosedSegment): Promise<Sealing> {
    await this.ports.beforeSeal?.(closed.segment.table);
    const name = segmentFileName(closed.segment, 'open');
    const path = `${this.directory.path}/${name}`;
    const start_ms = this.ports.clock.monotonicMs();
    const block = closed.held?.take();
    const { result, has_holes } = block === undefined ? await this.sealPath(closed, name, path) : await this.sealHeld(closed, block);
    const segment = typeof result === 'object' ? result : undefined;
    if (result === 'unreadable') await this.quarantine.keepFile(this.directory.path, name, 'its header is damaged');
    else if (has_holes) await this.quarantine.keepFile(this.directory.path, name, 'the disk cannot read all of it');
    else await removeIfThere(this.ports.fs, path);
    if (segment !== undefined) this.ports.observer.sealed(segment, this.ports.clock.monotonicMs() - start_ms);
    return { segment, block, removal_mark: this.directory.changed() };
  }

  /** From memory: the open file is not read. */
  private async sealHeld({ held, records }: ClosedSegment, block: HeldBlock): Promise<{ result: SealResult; has_holes: false }> {
    assert(held !== undefined && records !== undefined, 'BUG: rows are held of a segment whose records are not known');
    try {
      const result = await this.write(held.header, records, NO_BUFFER, async (output) => {
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

  private async sealPath(closed: ClosedSegment, name: string, path: string): Promise<{ result: SealResult; has_holes: boolean }> {
    const file = await openIfThere(this.ports.fs, path);
    if (file === undefined) return { result: await this.findSealed(closed, name), has_holes: false };
    try {
      if (closed.failed_seals < FAILED_SEALS_MAX) return { result: await this.sealFile(closed, name, file), has_holes: false };
      const salvaging = new SalvagingFile(file);
      const result = await this.sealFile(closed, name, salvaging);
      return { result, has_holes: salvaging.has_holes };
    } finally {
      await file.close();
    }
  }

  /** For an open file that is gone: a removal may have happened and been reported as failed. */
  private async findSealed(closed: ClosedSegment, name: string): Promise<SealResult> {
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
    this.ports.observer.incident('segment_lost', { file: name, bytes: closed.file_bytes });
    return 'empty';
  }

  private async sealFile(closed: ClosedSegment, name: string, file: FileHandle): Promise<SealResult> {
    const end_bytes = closed.end_bytes ?? (await file.size());
    const header = await readHeader(file);
    if (header === undefined || header.id !== closed.segment.id) return end_bytes <= SEGMENT_HEADER_BYTES ? 'empty' : 'unreadable';
    const memory = this.idle_memory ?? new SealMemory();
    this.idle_memory = undefined;
    const result = await this.sealRecords({ closed, header, name, file, end_bytes }, memory);
    // After an error somebody may still write from it.
    this.idle_memory = memory;
    return result;
  }

  private async sealRecords({ closed, header, name, file, end_bytes }: OpenedSegment, memory: SealMemory): Promise<SealResult> {
    const reader = new WindowReader(file, end_bytes, memory.window);
    let { records } = closed;
    for (let scans = 0; scans <= SCANS_MAX; scans++) {
      memory.release();
      records ??= await this.scan(reader, header, name, file);
      if (records.count === 0) return 'empty';
      const known = records;
      const segment = await this.write(header, known, memory.output, (output) => {
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

  private async write(
    header: SegmentHeader,
    records: RecordTable,
    buffer: Buffer,
    build: (output: NativeWriter) => Promise<NativeBlockResult>,
  ): Promise<SealedSegment | 'damaged'> {
    const { fs } = this.ports;
    const sealed_path = `${this.directory.path}/${segmentFileName(header, 'sealed')}`;
    const partial_path = sealed_path + PARTIAL_SUFFIX;
    await removeIfThere(fs, partial_path);
    const segment = await withFile(fs, partial_path, 'create', async (file) => {
      const output = new NativeWriter(file, new Pacer(this.ports.clock, this.work), buffer);
      const result = await build(output);
      return result === 'damaged' ? result : this.finish(header, records, file, output);
    }).catch(async (error: unknown) => {
      // A full disk is not to stay full of what was not finished.
      await removeIfThere(fs, partial_path).catch(() => undefined);
      throw error;
    });
    if (segment === 'damaged') {
      await fs.remove(partial_path);
      return segment;
    }
    await fs.rename(partial_path, sealed_path);
    this.directory.changed();
    await this.directory.sync();
    return segment;
  }

  private async finish(header: SegmentHeader, records: RecordTable, file: FileHandle, output: NativeWriter): Promise<SealedSegment> {
    const { id, table, month, sequence, columns } = header;
    const { bytes, footer } = encodeSealedTail({
      id,
      table,
      month,
      sequence,
      columns: [...columns, SEGMENT_COLUMN].map((column) => column.name),
      rows: records.rows,
      native_bytes: output.nativeBytes(),
      native_crc32: output.crc,
      received_at_ms: records.received_at_ms,
      sealed_at_ms: this.ports.clock.nowMs(),
      accounts: records.accounts.entries(),
    });
    await writeFully(file, [bytes], footer.native_bytes);
    await file.datasync();
    const { native_crc32: _, ...segment } = footer;
    return { ...segment, tokens: 0 };
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

async function readHeader(file: FileHandle): Promise<SegmentHeader | undefined> {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const read_bytes = await file.read(bytes, 0);
  return decodeSegmentHeader(bytes.subarray(0, read_bytes));
}

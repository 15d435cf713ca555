/** Writes the file of a sealed segment: one Native block and what stands behind it, durable under its name when `write` resolves. */
import type { FileHandle } from '../../contract/ports.ts';
import type { SealedSegment } from '../../contract/segment.ts';
import { SEGMENT_COLUMN } from '../../contract/table.ts';
import { removeIfThere, withFile, writeFully } from './file_io.ts';
import type { NativeBlockResult } from './native_block.ts';
import { NativeWriter } from './native_writer.ts';
import type { SpoolPorts } from './options.ts';
import { type PacedWork, Pacer } from './pacer.ts';
import type { RecordTable } from './record_table.ts';
import { encodeSealedTail } from './sealed_footer.ts';
import type { SegmentHeader } from './segment_header.ts';
import { PARTIAL_SUFFIX, segmentFileName } from './segment_name.ts';
import type { SyncedDirectory } from './synced_directory.ts';

/** What of a segment stands beside its rows. */
export interface SealedContent {
  readonly header: SegmentHeader;
  readonly records: RecordTable;
  /** How many tokens were taken for it before it had this file. */
  readonly tokens: number;
}

export class SealedWriter {
  constructor(
    private readonly ports: Pick<SpoolPorts, 'fs' | 'clock'>,
    private readonly directory: SyncedDirectory,
    private readonly work: PacedWork,
  ) {}

  /**
   * @param buffer the writer's own, for what `build` does not write at once
   * @param build writes the block, or says that what it reads is damaged; then there is no file
   */
  async write(
    content: SealedContent,
    buffer: Buffer,
    build: (output: NativeWriter) => Promise<NativeBlockResult>,
  ): Promise<SealedSegment | 'damaged'> {
    const { fs, clock } = this.ports;
    const sealed_path = `${this.directory.path}/${segmentFileName(content.header, 'sealed')}`;
    const partial_path = sealed_path + PARTIAL_SUFFIX;
    await removeIfThere(fs, partial_path);
    const segment = await withFile(fs, partial_path, 'create', async (file) => {
      const output = new NativeWriter(file, new Pacer(clock, this.work), buffer);
      const result = await build(output);
      return result === 'damaged' ? result : this.finish(content, file, output);
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

  private async finish(content: SealedContent, file: FileHandle, output: NativeWriter): Promise<SealedSegment> {
    const native = { native_bytes: output.nativeBytes(), native_crc32: output.crc };
    const { bytes, footer } = encodeSealedTail({ ...describe(content, this.ports.clock.nowMs()), ...native }, content.tokens);
    await writeFully(file, [bytes], footer.native_bytes);
    await file.datasync();
    const { native_crc32: _, ...segment } = footer;
    return { ...segment, tokens: content.tokens };
  }
}

/** What is known of a segment without its block. */
export function describe(
  { header, records }: Omit<SealedContent, 'tokens'>,
  sealed_at_ms: number,
): Omit<SealedSegment, 'native_bytes' | 'file_bytes' | 'tokens'> {
  const { id, table, month, sequence, columns } = header;
  return {
    id,
    table,
    month,
    sequence,
    columns: [...columns, SEGMENT_COLUMN].map((column) => column.name),
    rows: records.rows,
    received_at_ms: records.received_at_ms,
    sealed_at_ms,
    accounts: records.accounts.entries(),
  };
}

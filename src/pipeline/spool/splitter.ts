/**
 * Makes two sealed segments of one, for when ClickHouse takes the one not as it is.
 *
 * Both files are written, synced and under their names before anything happens to the parent: its removal, which is `SealedFiles`' part, is the moment from
 * which the rows are the children's. Each child names its parent, so that after a crash the start sees which are valid (`recovery.ts`).
 */
import { assert } from '../../base/assert.ts';
import type { BlockAccounts } from '../../contract/block.ts';
import type { FileHandle } from '../../contract/ports.ts';
import type { SealedSegment } from '../../contract/segment.ts';
import { divideAccounts } from './accounts.ts';
import { removeIfThere, withFile, writeFully } from './file_io.ts';
import { type BlockLayout, readBlockLayout } from './native_layout.ts';
import { RangeWriter, type RowRange } from './native_range.ts';
import { NativeWriter } from './native_writer.ts';
import type { SpoolPorts } from './options.ts';
import { Pacer } from './pacer.ts';
import { encodeSealedTail } from './sealed_footer.ts';
import { PARTIAL_SUFFIX, segmentFileName } from './segment_name.ts';
import type { SyncedDirectory } from './synced_directory.ts';
import { WindowReader } from './window_reader.ts';

export type Halves = readonly [SealedSegment, SealedSegment];

/** What one child gets of its parent. */
interface Half {
  readonly id: string;
  readonly range: RowRange;
  readonly accounts: readonly BlockAccounts[];
}

export class Splitter {
  constructor(
    private readonly ports: Pick<SpoolPorts, 'fs' | 'clock' | 'random'>,
    private readonly directory: SyncedDirectory,
  ) {}

  /** @throws the operating system's error; then neither half is there, as far as the disk allows */
  async write(parent: SealedSegment): Promise<Halves> {
    assert(parent.rows >= 2, 'BUG: a segment of one row cannot be split');
    const { fs, random } = this.ports;
    const cut_row = Math.floor(parent.rows / 2);
    const [first_accounts, second_accounts] = divideAccounts(parent.accounts, cut_row, parent.rows);
    const first: Half = { id: random.uuid(), range: { side: 'before', first_row: 0, rows: cut_row }, accounts: first_accounts };
    const second: Half = {
      id: random.uuid(),
      range: { side: 'behind', first_row: cut_row, rows: parent.rows - cut_row },
      accounts: second_accounts,
    };
    try {
      const halves = await withFile(fs, this.pathOf(parent), 'read', async (file): Promise<Halves> => {
        const reader = new WindowReader(file, parent.native_bytes);
        const layout = await readBlockLayout(reader, cut_row, new Pacer(this.ports.clock));
        return [await this.writeHalf(parent, first, reader, layout), await this.writeHalf(parent, second, reader, layout)];
      });
      for (const half of halves) await fs.rename(this.pathOf(half) + PARTIAL_SUFFIX, this.pathOf(half));
      this.directory.changed();
      await this.directory.sync();
      return halves;
    } catch (error) {
      await this.clear(parent, [first, second]);
      throw error;
    }
  }

  private async writeHalf(parent: SealedSegment, half: Half, reader: WindowReader, layout: BlockLayout): Promise<SealedSegment> {
    const { fs, clock } = this.ports;
    const path = this.pathOf({ ...parent, id: half.id }) + PARTIAL_SUFFIX;
    return withFile(fs, path, 'create', async (file) => {
      const pacer = new Pacer(clock);
      const output = new NativeWriter(file, pacer);
      await new RangeWriter(reader, output, half.range, pacer).write(layout, half.id);
      return this.finish(parent, half, file, output);
    });
  }

  private async finish(parent: SealedSegment, half: Half, file: FileHandle, output: NativeWriter): Promise<SealedSegment> {
    const { table, month, sequence, columns, received_at_ms, origin } = parent;
    const { bytes, footer } = encodeSealedTail({
      id: half.id,
      table,
      month,
      sequence,
      columns,
      rows: half.range.rows,
      native_bytes: output.nativeBytes(),
      native_crc32: output.crc,
      received_at_ms,
      sealed_at_ms: this.ports.clock.nowMs(),
      accounts: half.accounts,
      origin: { parent: parent.id, root: origin?.root ?? parent.id, first_row: (origin?.first_row ?? 0) + half.range.first_row },
    });
    await writeFully(file, [bytes], footer.native_bytes);
    await file.datasync();
    const { native_crc32: _, ...segment } = footer;
    return { ...segment, tokens: 0 };
  }

  /** A full disk is not to stay full of what was not finished. What cannot be removed now, the next start removes. */
  private async clear(parent: SealedSegment, halves: readonly Half[]): Promise<void> {
    for (const { id } of halves) {
      const path = this.pathOf({ ...parent, id });
      for (const rest of [path, path + PARTIAL_SUFFIX]) await removeIfThere(this.ports.fs, rest).catch(() => undefined);
    }
  }

  private pathOf(segment: SealedSegment): string {
    return `${this.directory.path}/${segmentFileName(segment, 'sealed')}`;
  }
}

/**
 * Writes the rows before or behind a block's cut as a block of their own, column by column, in bounded memory.
 *
 * Rows are copied as bytes. Only a dictionary is made anew, of the entries that the part still uses, so that a part of one row carries nothing of the others.
 */
import { SEGMENT_COLUMN } from '../../contract/table.ts';
import { readIndex } from './merged_dictionary.ts';
import { writeSegmentColumn } from './native_block.ts';
import { blockHead, columnHead, entriesHead, indexesHead } from './native_heads.ts';
import type { BlockLayout, ColumnLayout, DictionaryLayout, PlainLayout } from './native_layout.ts';
import { NativeWalker } from './native_walker.ts';
import type { NativeWriter } from './native_writer.ts';
import type { Pacer } from './pacer.ts';
import type { WindowReader } from './window_reader.ts';

const COPY_BYTES = 1 << 18;
const INDEXES_AT_ONCE = 1 << 15;

/** The rows [first_row, first_row + rows) of the block: all before its cut, or all behind it. */
export interface RowRange {
  readonly side: 'before' | 'behind';
  readonly first_row: number;
  readonly rows: number;
}

export class RangeWriter {
  constructor(
    private readonly reader: WindowReader,
    private readonly output: NativeWriter,
    private readonly range: RowRange,
    private readonly pacer: Pacer,
  ) {}

  /** Writes the whole block; its rows say that they came in `segment_id`. */
  async write(layout: BlockLayout, segment_id: string): Promise<void> {
    const { output, range } = this;
    await output.write(blockHead(layout.columns.length, range.rows));
    for (const column of layout.columns) {
      if (column.name === SEGMENT_COLUMN.name) await writeSegmentColumn(output, segment_id, range.rows);
      else await this.writeColumn(column);
    }
    await output.flush();
  }

  private async writeColumn(column: ColumnLayout): Promise<void> {
    await this.output.write(columnHead(column.name, column.type));
    if (column.kind === 'dictionary') await this.writeDictionary(column);
    else await this.writePlain(column);
  }

  private async writePlain({ state_bytes, data_offset, cut_offset, end_offset }: PlainLayout): Promise<void> {
    await this.copy(data_offset - state_bytes, data_offset);
    if (this.range.side === 'before') await this.copy(data_offset, cut_offset);
    else await this.copy(cut_offset, end_offset);
  }

  private async copy(start: number, end: number): Promise<void> {
    for (let at = start; at < end; at += COPY_BYTES) {
      await this.output.write(await this.reader.read(at, Math.min(COPY_BYTES, end - at)));
      if (this.pacer.isDue()) await this.pacer.pause();
    }
  }

  private async writeDictionary(column: DictionaryLayout): Promise<void> {
    const { output, range } = this;
    const used = new Uint8Array(column.entries);
    await this.eachIndexChunk(column, async (indexes) => {
      for (const index of indexes) used[index] = 1;
    });
    const mapping = new Uint32Array(column.entries);
    let entries = 0;
    for (let entry = 0; entry < column.entries; entry++) if (used[entry] === 1) mapping[entry] = entries++;
    // Never wider than in the parent, which has no fewer entries: indexes of 4 bytes are not written here.
    const width_bytes = entries <= 256 ? 1 : 2;
    await output.write(entriesHead(entries, width_bytes));
    await this.copyEntries(column, used);
    await output.write(indexesHead(range.rows));
    await this.eachIndexChunk(column, async (indexes) => {
      const mapped = width_bytes === 1 ? new Uint8Array(indexes.length) : new Uint16Array(indexes.length);
      for (let row = 0; row < indexes.length; row++) mapped[row] = mapping[indexes[row]];
      await output.write(new Uint8Array(mapped.buffer));
    });
  }

  private async copyEntries(column: DictionaryLayout, used: Uint8Array): Promise<void> {
    const walker = new NativeWalker(this.reader, this.pacer);
    walker.at = column.entries_offset;
    for (let entry = 0; entry < column.entries; entry++) {
      const start = walker.at;
      await walker.skipTexts(1);
      if (used[entry] === 1) await this.output.write(await this.reader.read(start, walker.at - start));
    }
  }

  private async eachIndexChunk(column: DictionaryLayout, use: (indexes: Uint32Array) => Promise<void>): Promise<void> {
    const { first_row, rows } = this.range;
    const width = column.index_width_bytes;
    for (let done = 0; done < rows; done += INDEXES_AT_ONCE) {
      const count = Math.min(INDEXES_AT_ONCE, rows - done);
      const bytes = await this.reader.read(column.indexes_offset + (first_row + done) * width, count * width);
      await use(Uint32Array.from({ length: count }, (_, row) => readIndex(bytes, row * width, width)));
      if (this.pacer.isDue()) await this.pacer.pause();
    }
  }
}

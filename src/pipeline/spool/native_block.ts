/**
 * Turns the records of one segment into one Native block, column by column, in bounded memory.
 *
 * Neighbouring columns are read together as long as what must be held of them fits HELD_BYTES_MAX, so that a small segment is read once and a large one a
 * few times. The first reading goes over whole records and checks each against its checksum. The main thread is given back about every millisecond.
 */
import type { Column } from '../../contract/table.ts';
import { SEGMENT_COLUMN } from '../../contract/table.ts';
import { type ColumnPart, DictionaryPart, HeldPart, StreamedPart, UnfoldedPart } from './column_parts.ts';
import { DICTIONARY_BYTES_MAX } from './dictionary_entries.ts';
import { blockHead, uuidBytes } from './native_heads.ts';
import type { NativeWriter } from './native_writer.ts';
import type { Pacer } from './pacer.ts';
import { isRecordSound, RECORD_HEADER_BYTES, recordSeed } from './record.ts';
import type { RecordTable } from './record_table.ts';
import { HELD_BYTES_MAX, type SealMemory } from './seal_memory.ts';
import type { SegmentHeader } from './segment_header.ts';
import { WINDOW_BYTES, type WindowReader } from './window_reader.ts';

/** Records' ranges with a smaller gap between them are read with one call. */
const GAP_BYTES_MAX = 1 << 15;
const SEGMENT_CHUNK_ROWS = 4096;

/** A record did not match its checksum: scan the file, and begin anew with what is sound. */
export type NativeBlockResult = 'written' | 'damaged';

interface Reading {
  readonly first_column: number;
  readonly parts: readonly ColumnPart[];
  /** Read whole records, and check them. */
  readonly is_checking: boolean;
}

export class NativeBlockBuilder {
  constructor(
    private readonly header: SegmentHeader,
    private readonly records: RecordTable,
    private readonly reader: WindowReader,
    private readonly output: NativeWriter,
    private readonly memory: SealMemory,
    private readonly pacer: Pacer,
  ) {}

  async build(): Promise<NativeBlockResult> {
    const { columns } = this.header;
    await this.output.write(blockHead(columns.length + 1, this.records.rows));
    for (let first_column = 0; first_column < columns.length; ) {
      const parts = this.planReading(first_column);
      const result = await this.read({ first_column, parts, is_checking: first_column === 0 });
      if (result === 'damaged') return result;
      for (const [index, part] of parts.entries()) {
        if ((await part.finish(this.output)) === 'written') continue;
        if ((await this.unfold(first_column + index)) === 'damaged') return 'damaged';
      }
      this.memory.release();
      first_column += parts.length;
    }
    await writeSegmentColumn(this.output, this.header.id, this.records.rows);
    await this.output.flush();
    return 'written';
  }

  /** As many columns from `first_column` on as can be read together; at least one. */
  private planReading(first_column: number): readonly ColumnPart[] {
    const parts: ColumnPart[] = [];
    let held_bytes = 0;
    for (const [offset, column] of this.header.columns.slice(first_column).entries()) {
      const is_streamed = offset === 0 && column.kind !== 'dictionary';
      if (!is_streamed) held_bytes += this.heldBytes(column, first_column + offset);
      if (offset > 0 && held_bytes > HELD_BYTES_MAX) break;
      parts.push(is_streamed ? new StreamedPart(column) : this.holdingPart(column, first_column + offset));
    }
    return parts;
  }

  private heldBytes(column: Column, index: number): number {
    const totals = this.records.totals(index);
    if (column.kind !== 'dictionary') return totals.data_bytes;
    return 2 * this.records.rows + Math.min(totals.dictionary_bytes, DICTIONARY_BYTES_MAX);
  }

  private holdingPart(column: Column, index: number): ColumnPart {
    if (column.kind === 'dictionary') return new DictionaryPart(column, this.records.rows, this.memory, this.pacer);
    return new HeldPart(column, this.records.totals(index).data_bytes, this.memory);
  }

  /** Goes over the records once and gives each part its chunks. */
  private async read(reading: Reading): Promise<NativeBlockResult> {
    const seed = recordSeed(this.header.id);
    for (const part of reading.parts) await part.begin(this.output);
    let useful_end = 0;
    for (let record = 0; record < this.records.count; record++) {
      const range = this.rangeOf(record, reading);
      if (range.end > useful_end) useful_end = this.usefulEnd(record, reading);
      const bytes = await this.reader.read(range.start, range.end - range.start, useful_end);
      if (bytes.length < range.end - range.start) return 'damaged';
      if (reading.is_checking && !isRecordSound(bytes, seed)) return 'damaged';
      await this.distribute(record, bytes, reading);
      if (this.pacer.isDue()) await this.pacer.pause();
    }
    return 'written';
  }

  private async distribute(record: number, bytes: Buffer, reading: Reading): Promise<void> {
    const { records } = this;
    let at = reading.is_checking ? RECORD_HEADER_BYTES + records.headerBytes(record) : 0;
    let column = reading.first_column;
    for (const part of reading.parts) {
      const data_bytes = records.dataBytes(record, column);
      const chunk = {
        bytes: bytes.subarray(at, at + data_bytes),
        entries: records.dictionaryEntries(record, column),
        dictionary_bytes: records.dictionaryBytes(record, column),
        index_width_bytes: records.indexWidthBytes(record, column),
        rows: records.rowsOf(record),
      };
      const pending = part.take(chunk, this.output);
      if (pending !== undefined) await pending;
      at += data_bytes;
      column++;
    }
  }

  /** Where in the file the record's chunks of this reading lie: the columns of a block stand one behind the other. */
  private rangeOf(record: number, reading: Reading): { start: number; end: number } {
    const { records } = this;
    const payload_offset = records.payloadOffset(record);
    if (reading.is_checking) return { start: payload_offset - RECORD_HEADER_BYTES, end: payload_offset + records.payloadBytes(record) };
    let start = payload_offset + records.headerBytes(record);
    for (let column = 0; column < reading.first_column; column++) start += records.dataBytes(record, column);
    let end = start;
    const end_column = reading.first_column + reading.parts.length;
    for (let column = reading.first_column; column < end_column; column++) end += records.dataBytes(record, column);
    return { start, end };
  }

  /** How far one read may go on from this record without reading much that is not wanted. */
  private usefulEnd(first_record: number, reading: Reading): number {
    const first_range = this.rangeOf(first_record, reading);
    const furthest_end = first_range.start + WINDOW_BYTES;
    let { end } = first_range;
    for (let record = first_record + 1; record < this.records.count; record++) {
      const range = this.rangeOf(record, reading);
      if (range.start - end > GAP_BYTES_MAX || range.end > furthest_end) break;
      end = range.end;
    }
    return end;
  }

  private async unfold(index: number): Promise<NativeBlockResult> {
    const part = new UnfoldedPart(this.header.columns[index], this.pacer);
    return this.read({ first_column: index, parts: [part], is_checking: false });
  }
}

/** The last column of every block: the segment's identity, once per row. */
export async function writeSegmentColumn(output: NativeWriter, segment_id: string, rows: number): Promise<void> {
  await new StreamedPart(SEGMENT_COLUMN).begin(output);
  const chunk = Buffer.alloc(Math.min(rows, SEGMENT_CHUNK_ROWS) * 16, uuidBytes(segment_id));
  for (let row = 0; row < rows; row += SEGMENT_CHUNK_ROWS) {
    await output.write(chunk.subarray(0, 16 * Math.min(SEGMENT_CHUNK_ROWS, rows - row)));
  }
}

/**
 * What is known of an open segment's records without reading them: where each lies and how long its columns are. Sealing reads column by column with it.
 *
 * Kept in typed arrays (16 bytes per column and record) and not as objects: a segment may hold RECORDS_MAX records. Owned by the segment's writer, or by
 * the scan that found the records; then by the one seal that uses it.
 */
import { assert } from '../../base/assert.ts';
import { BLOCK_COLUMN_BYTES, BLOCK_PREFIX_BYTES, readBlockAccounts } from '../../contract/block.ts';
import { AccountsSum } from './accounts.ts';

/** Words before a record's columns: payload bytes, header bytes, rows. */
const RECORD_WORDS = 3;
const COLUMN_WORDS = BLOCK_COLUMN_BYTES / 4;

export interface ColumnTotals {
  readonly data_bytes: number;
  readonly dictionary_bytes: number;
}

export class RecordTable {
  readonly accounts = new AccountsSum();
  count = 0;
  rows = 0;
  /** The oldest receipt; Infinity while there is no record. */
  received_at_ms = Number.POSITIVE_INFINITY;
  private readonly stride: number;
  private words: Uint32Array;
  private offsets: Float64Array;
  private readonly data_bytes: Float64Array;
  private readonly dictionary_bytes: Float64Array;

  constructor(readonly columns: number) {
    this.stride = RECORD_WORDS + columns * COLUMN_WORDS;
    this.words = new Uint32Array(64 * this.stride);
    this.offsets = new Float64Array(64);
    this.data_bytes = new Float64Array(columns);
    this.dictionary_bytes = new Float64Array(columns);
  }

  /** Adds the record whose payload is the block `bytes` and begins at `payload_offset` of the file. */
  add(payload_offset: number, bytes: Uint8Array): void {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    assert(view.readUInt32LE(12) === this.columns, 'BUG: a block has other columns than its segment');
    this.reserve();
    let at = this.count * this.stride;
    const rows = view.readUInt32LE(8);
    this.words[at++] = view.length;
    this.words[at++] = view.readUInt32LE(4);
    this.words[at++] = rows;
    let from = BLOCK_PREFIX_BYTES;
    for (let column = 0; column < this.columns; column++) {
      for (let word = 0; word < COLUMN_WORDS; word++) this.words[at + word] = view.readUInt32LE(from + 4 * word);
      this.data_bytes[column] += view.readUInt32LE(from);
      this.dictionary_bytes[column] += view.readUInt32LE(from + 8);
      at += COLUMN_WORDS;
      from += BLOCK_COLUMN_BYTES;
    }
    this.offsets[this.count] = payload_offset;
    this.count++;
    this.rows += rows;
    this.received_at_ms = Math.min(this.received_at_ms, view.readDoubleLE(16));
    this.accounts.add(readBlockAccounts(bytes));
  }

  payloadOffset(record: number): number {
    return this.offsets[record];
  }

  payloadBytes(record: number): number {
    return this.words[record * this.stride];
  }

  headerBytes(record: number): number {
    return this.words[record * this.stride + 1];
  }

  rowsOf(record: number): number {
    return this.words[record * this.stride + 2];
  }

  dataBytes(record: number, column: number): number {
    return this.columnWord(record, column, 0);
  }

  dictionaryEntries(record: number, column: number): number {
    return this.columnWord(record, column, 1);
  }

  dictionaryBytes(record: number, column: number): number {
    return this.columnWord(record, column, 2);
  }

  indexWidthBytes(record: number, column: number): number {
    return this.columnWord(record, column, 3);
  }

  /** Sums over all records. */
  totals(column: number): ColumnTotals {
    return { data_bytes: this.data_bytes[column], dictionary_bytes: this.dictionary_bytes[column] };
  }

  private columnWord(record: number, column: number, word: number): number {
    return this.words[record * this.stride + RECORD_WORDS + column * COLUMN_WORDS + word];
  }

  private reserve(): void {
    if (this.count < this.offsets.length) return;
    const words = new Uint32Array(2 * this.words.length);
    words.set(this.words);
    this.words = words;
    const offsets = new Float64Array(2 * this.offsets.length);
    offsets.set(this.offsets);
    this.offsets = offsets;
  }
}

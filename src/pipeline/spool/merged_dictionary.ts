/**
 * One dictionary column of a segment: the records' dictionaries merged into one, and every row's index into it.
 *
 * Bounded: what `DictionaryEntries` takes, and two bytes per row. Beyond that the column `overflowed`: it gives its memory back and is to be written as
 * plain strings, which is what such a column is.
 */
import { DictionaryEntries, writeEntry } from './dictionary_entries.ts';
import type { Pacer } from './pacer.ts';

/** Entries merged between two looks at the clock. */
const ENTRIES_PER_LOOK = 1024;

/** A record's part of a dictionary column: `entries` and then one index per row. */
export interface DictionaryChunk {
  readonly bytes: Buffer;
  readonly entries: number;
  readonly dictionary_bytes: number;
  readonly index_width_bytes: number;
  readonly rows: number;
}

export class MergedDictionary {
  private readonly merged = new DictionaryEntries();
  private indexes: Uint16Array;
  private rows = 0;

  /** @param memory two bytes for each row, 2-byte aligned, lent until the column is written */
  constructor(
    memory: Buffer,
    private readonly pacer: Pacer,
  ) {
    this.indexes = new Uint16Array(memory.buffer, memory.byteOffset, memory.length / Uint16Array.BYTES_PER_ELEMENT);
  }

  get overflowed(): boolean {
    return this.merged.overflowed;
  }

  /** Without a promise the chunk was taken at once. */
  add(chunk: DictionaryChunk): Promise<void> | undefined {
    if (this.overflowed) return undefined;
    const entries = chunk.bytes.subarray(0, chunk.dictionary_bytes);
    if (this.merged.areMapped(entries)) {
      this.addRows(chunk);
      return undefined;
    }
    const merging = this.merge(entries, chunk.entries);
    return merging === undefined ? this.addMerged(chunk, entries) : merging.then(() => this.addMerged(chunk, entries));
  }

  private addMerged(chunk: DictionaryChunk, entries: Buffer): undefined {
    if (this.overflowed) {
      this.indexes = new Uint16Array(0);
      return;
    }
    this.merged.mapped(entries);
    this.addRows(chunk);
  }

  private addRows(chunk: DictionaryChunk): void {
    remap(chunk, this.merged.mapping, { indexes: this.indexes, at: this.rows, first_row: 0, rows: chunk.rows });
    this.rows += chunk.rows;
  }

  get entries(): number {
    return this.merged.count;
  }

  /** 1 or 2: how wide the indexes of `indexBytes` are. */
  indexWidthBytes(): 1 | 2 {
    return this.entries <= 256 ? 1 : 2;
  }

  /** The merged entries, each with its length before it. */
  async entriesBytes(): Promise<Buffer> {
    const bytes = this.merged.allocateBytes();
    let at = 0;
    let left_in_turn = ENTRIES_PER_LOOK;
    for (const entry of this.merged.values()) {
      at = writeEntry(bytes, at, entry);
      if (--left_in_turn > 0) continue;
      left_in_turn = ENTRIES_PER_LOOK;
      if (this.pacer.isDue()) await this.pacer.pause();
    }
    return bytes;
  }

  /** The rows' indexes, little-endian. */
  indexBytes(): Uint8Array {
    if (this.indexWidthBytes() === 1) return new Uint8Array(this.indexes);
    return new Uint8Array(this.indexes.buffer, this.indexes.byteOffset, this.indexes.byteLength);
  }

  /** Maps these entries, or overflows. */
  private merge(entries: Buffer, count: number): Promise<void> | undefined {
    this.merged.reserve(count);
    if (count > ENTRIES_PER_LOOK) return this.mergeMany(entries, count);
    this.merged.map(entries, 0, 0, count);
    return undefined;
  }

  private async mergeMany(entries: Buffer, count: number): Promise<void> {
    let at = 0;
    for (let entry = 0; entry < count && !this.overflowed; entry += ENTRIES_PER_LOOK) {
      at = this.merged.map(entries, at, entry, Math.min(entry + ENTRIES_PER_LOOK, count));
      if (this.pacer.isDue()) await this.pacer.pause();
    }
  }
}

/** Where the merged indexes of some rows of a chunk go. */
interface RemappedRows {
  readonly indexes: Uint8Array | Uint16Array;
  /** Of the first of them. */
  readonly at: number;
  readonly first_row: number;
  readonly rows: number;
}

/** One loop for each width: this is where sealing spends its time per row. */
export function remap(chunk: DictionaryChunk, mapping: Uint16Array, { indexes, at, first_row, rows }: RemappedRows): void {
  const { bytes, index_width_bytes, dictionary_bytes } = chunk;
  if (chunk.entries === 1) {
    indexes.fill(mapping[0], at, at + rows);
  } else if (index_width_bytes === 1) {
    const from = dictionary_bytes + first_row;
    for (let row = 0; row < rows; row++) indexes[at + row] = mapping[bytes[from + row]];
  } else {
    const from = dictionary_bytes + first_row * index_width_bytes;
    for (let row = 0; row < rows; row++) {
      indexes[at + row] = mapping[readIndex(bytes, from + row * index_width_bytes, index_width_bytes)];
    }
  }
}

/** Reads a row's index, 1, 2 or 4 bytes wide. */
export function readIndex(bytes: Uint8Array, offset: number, width_bytes: number): number {
  if (width_bytes === 1) return bytes[offset];
  const low = bytes[offset] | (bytes[offset + 1] << 8);
  return width_bytes === 2 ? low : low + bytes[offset + 2] * 0x1_0000 + bytes[offset + 3] * 0x100_0000;
}

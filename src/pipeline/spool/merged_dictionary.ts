/**
 * One dictionary column of a segment: the records' dictionaries merged into one, and every row's index into it.
 *
 * Bounded: DICTIONARY_ENTRIES_MAX entries of DICTIONARY_BYTES_MAX in all, and two bytes per row. Beyond that the column `overflowed`: it gives its memory
 * back and is to be written as plain strings, which is what such a column is.
 */
import { readVaruint, varuintBytes, writeVaruint } from '../../base/varint.ts';
import type { Pacer } from './pacer.ts';

export const DICTIONARY_ENTRIES_MAX = 65_536;
export const DICTIONARY_BYTES_MAX = 8 << 20;

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
  overflowed = false;
  /** Keys are the entries' bytes as Latin-1: exact, and equal exactly when the bytes are. In order of insertion. */
  private readonly index_by_entry = new Map<string, number>();
  private entries_bytes = 0;
  private indexes: Uint16Array;
  private rows = 0;
  /** From the chunk's indexes to the merged ones. */
  private mapping = new Uint16Array(256);
  /** The last chunk's entries as sent: most columns bring the same few again and again. */
  private previous_entries: Buffer = Buffer.alloc(0);

  /** @param memory two bytes for each row, 2-byte aligned, lent until the column is written */
  constructor(
    memory: Buffer,
    private readonly pacer: Pacer,
  ) {
    this.indexes = new Uint16Array(memory.buffer, memory.byteOffset, memory.length / Uint16Array.BYTES_PER_ELEMENT);
  }

  /** Without a promise the chunk was taken at once. */
  add(chunk: DictionaryChunk): Promise<void> | undefined {
    if (this.overflowed) return undefined;
    const entries = chunk.bytes.subarray(0, chunk.dictionary_bytes);
    if (entries.equals(this.previous_entries)) {
      this.addRows(chunk);
      return undefined;
    }
    const merging = this.merge(entries, chunk.entries);
    return merging === undefined ? this.addMerged(chunk, entries) : merging.then(() => this.addMerged(chunk, entries));
  }

  private addMerged(chunk: DictionaryChunk, entries: Buffer): undefined {
    if (this.overflowed) return;
    this.previous_entries = Buffer.from(entries);
    this.addRows(chunk);
  }

  private addRows(chunk: DictionaryChunk): void {
    remap(chunk, this.mapping, this.indexes, this.rows);
    this.rows += chunk.rows;
  }

  get entries(): number {
    return this.index_by_entry.size;
  }

  /** 1 or 2: how wide the indexes of `indexBytes` are. */
  indexWidthBytes(): 1 | 2 {
    return this.entries <= 256 ? 1 : 2;
  }

  /** The merged entries, each with its length before it. */
  async entriesBytes(): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(this.entries_bytes);
    let at = 0;
    for (const [entry, index] of this.index_by_entry) {
      at = writeVaruint(bytes, at, entry.length);
      at += bytes.write(entry, at, 'latin1');
      if (index % ENTRIES_PER_LOOK === 0 && this.pacer.isDue()) await this.pacer.pause();
    }
    return bytes;
  }

  /** The rows' indexes, little-endian. */
  indexBytes(): Uint8Array {
    if (this.indexWidthBytes() === 1) return new Uint8Array(this.indexes);
    return new Uint8Array(this.indexes.buffer, this.indexes.byteOffset, this.indexes.byteLength);
  }

  /** Makes `mapping` the one of these entries, or overflows. */
  private merge(entries: Buffer, count: number): Promise<void> | undefined {
    if (this.mapping.length < count) this.mapping = new Uint16Array(2 * count);
    if (count > ENTRIES_PER_LOOK) return this.mergeMany(entries, count);
    this.mergeSome(entries, 0, 0, count);
    return undefined;
  }

  private async mergeMany(entries: Buffer, count: number): Promise<void> {
    let at = 0;
    for (let entry = 0; entry < count && !this.overflowed; entry += ENTRIES_PER_LOOK) {
      at = this.mergeSome(entries, at, entry, Math.min(entry + ENTRIES_PER_LOOK, count));
      if (this.pacer.isDue()) await this.pacer.pause();
    }
  }

  /** Merges the entries from `first` on, which begin at `offset`, and returns where the next one begins. */
  private mergeSome(entries: Buffer, offset: number, first: number, end: number): number {
    let at = offset;
    for (let entry = first; entry < end; entry++) {
      const length = readVaruint(entries, at);
      at = length.next_offset + length.value;
      const index = this.intern(entries.toString('latin1', length.next_offset, at));
      if (index === undefined) {
        this.overflow();
        return at;
      }
      this.mapping[entry] = index;
    }
    return at;
  }

  private intern(entry: string): number | undefined {
    const present = this.index_by_entry.get(entry);
    if (present !== undefined) return present;
    const index = this.index_by_entry.size;
    this.entries_bytes += varuintBytes(entry.length) + entry.length;
    if (index >= DICTIONARY_ENTRIES_MAX || this.entries_bytes > DICTIONARY_BYTES_MAX) return undefined;
    this.index_by_entry.set(entry, index);
    return index;
  }

  private overflow(): void {
    this.overflowed = true;
    this.index_by_entry.clear();
    this.indexes = new Uint16Array(0);
    this.mapping = new Uint16Array(0);
    this.previous_entries = Buffer.alloc(0);
  }
}

/** One loop for each width: this is where sealing spends its time per row. */
function remap(chunk: DictionaryChunk, mapping: Uint16Array, into: Uint16Array, into_offset: number): void {
  const { bytes, rows, index_width_bytes, dictionary_bytes } = chunk;
  if (chunk.entries === 1) {
    into.fill(mapping[0], into_offset, into_offset + rows);
  } else if (index_width_bytes === 1) {
    for (let row = 0; row < rows; row++) into[into_offset + row] = mapping[bytes[dictionary_bytes + row]];
  } else {
    for (let row = 0; row < rows; row++) {
      into[into_offset + row] = mapping[readIndex(bytes, dictionary_bytes + row * index_width_bytes, index_width_bytes)];
    }
  }
}

/** Reads a row's index, 1, 2 or 4 bytes wide. */
export function readIndex(bytes: Uint8Array, offset: number, width_bytes: number): number {
  if (width_bytes === 1) return bytes[offset];
  const low = bytes[offset] | (bytes[offset + 1] << 8);
  return width_bytes === 2 ? low : low + bytes[offset + 2] * 0x1_0000 + bytes[offset + 3] * 0x100_0000;
}

/**
 * One column of an open segment, in memory as it will stand in the Native block: rows are added while the segment fills.
 *
 * Owner of its pages until they are asked for. What it cannot take, for want of memory or because a dictionary is too large, it says, and is of no use any
 * more: the segment is then sealed from its file.
 */
import { copyShared } from '../../base/shared_copy.ts';
import { COLUMN_TYPES, type Column } from '../../contract/table.ts';
import { plainHead } from './column_parts.ts';
import { DictionaryEntries, writeEntry } from './dictionary_entries.ts';
import { type DictionaryChunk, remap } from './merged_dictionary.ts';
import { columnHead, entriesHead, indexesHead } from './native_heads.ts';
import { FIRST_PAGE_BYTES, PAGE_BYTES, type PagePool } from './page_pool.ts';

/** Indexes are of one byte up to so many entries. */
const NARROW_ENTRIES_MAX = 256;
/** A record with more would hold up everything else for longer than a millisecond while they are merged. */
const ENTRIES_PER_RECORD_MAX = 8192;

export interface HeldColumn {
  /** Adds a record's part of the column; false when it cannot. The bytes are copied. */
  add(chunk: DictionaryChunk): boolean;
  /** The whole column of the Native block; nothing is added afterwards. */
  pieces(): readonly Buffer[];
  readonly pages: readonly Buffer[];
}

/** Bytes one behind the other, over pages. */
class PagedBytes {
  readonly pages: Buffer[] = [];
  /** Of the last page. */
  used_bytes = 0;

  constructor(private readonly pool: PagePool) {}

  /** The page that has room for another byte; undefined when there is none. */
  pageWithRoom(): Buffer | undefined {
    const last = this.pages.at(-1);
    if (last !== undefined && this.used_bytes < last.length) return last;
    const page = this.pool.take(last === undefined ? FIRST_PAGE_BYTES : PAGE_BYTES);
    if (page === undefined) return undefined;
    this.pages.push(page);
    this.used_bytes = 0;
    return page;
  }

  append(bytes: Buffer): boolean {
    for (let at = 0; at < bytes.length; ) {
      const page = this.pageWithRoom();
      if (page === undefined) return false;
      const taken = Math.min(bytes.length - at, page.length - this.used_bytes);
      copyShared(page, this.used_bytes, taken === bytes.length ? bytes : bytes.subarray(at, at + taken));
      this.used_bytes += taken;
      at += taken;
    }
    return true;
  }

  pieces(): readonly Buffer[] {
    const last = this.pages.at(-1);
    return last === undefined ? [] : [...this.pages.slice(0, -1), last.subarray(0, this.used_bytes)];
  }
}

class HeldPlain implements HeldColumn {
  private readonly values: PagedBytes;

  constructor(
    private readonly column: Column,
    pool: PagePool,
  ) {
    this.values = new PagedBytes(pool);
  }

  get pages(): readonly Buffer[] {
    return this.values.pages;
  }

  add(chunk: DictionaryChunk): boolean {
    return this.values.append(chunk.bytes);
  }

  pieces(): readonly Buffer[] {
    return [plainHead(this.column), ...this.values.pieces()];
  }
}

class HeldDictionary implements HeldColumn {
  private readonly entries = new DictionaryEntries();
  private indexes: PagedBytes;
  private width_bytes: 1 | 2 = 1;
  private rows = 0;

  constructor(
    private readonly column: Column,
    private readonly pool: PagePool,
  ) {
    this.indexes = new PagedBytes(pool);
  }

  get pages(): readonly Buffer[] {
    return this.indexes.pages;
  }

  add(chunk: DictionaryChunk): boolean {
    const bytes = chunk.bytes.subarray(0, chunk.dictionary_bytes);
    return (this.entries.areMapped(bytes) || this.map(bytes, chunk.entries)) && this.addRows(chunk);
  }

  pieces(): readonly Buffer[] {
    const { entries, rows, column, width_bytes } = this;
    const values = entries.allocateBytes();
    let at = 0;
    for (const entry of entries.values()) at = writeEntry(values, at, entry);
    const head = [columnHead(column.name, COLUMN_TYPES.dictionary), entriesHead(entries.count, width_bytes), values, indexesHead(rows)];
    return [Buffer.concat(head), ...this.indexes.pieces()];
  }

  private map(entries: Buffer, count: number): boolean {
    if (count > ENTRIES_PER_RECORD_MAX) return false;
    this.entries.reserve(count);
    this.entries.map(entries, 0, 0, count);
    if (this.entries.overflowed) return false;
    this.entries.mapped(entries);
    return this.width_bytes === 2 || this.entries.count <= NARROW_ENTRIES_MAX || this.widen();
  }

  private widen(): boolean {
    const narrow = this.indexes;
    this.indexes = new PagedBytes(this.pool);
    this.width_bytes = 2;
    const pieces = narrow.pieces();
    const is_whole = pieces.every((piece) => {
      return this.fill(piece.length, (into, at, first_row, rows) => into.set(piece.subarray(first_row, first_row + rows), at));
    });
    this.pool.give(narrow.pages);
    return is_whole;
  }

  private addRows(chunk: DictionaryChunk): boolean {
    const { mapping } = this.entries;
    this.rows += chunk.rows;
    return this.fill(chunk.rows, (indexes, at, first_row, rows) => remap(chunk, mapping, { indexes, at, first_row, rows }));
  }

  /** Has `write` fill in the indexes of so many rows, page by page: `first_row` of them belongs at `at`, and so on. */
  private fill(count: number, write: (indexes: Uint8Array | Uint16Array, at: number, first_row: number, rows: number) => void): boolean {
    const { width_bytes, indexes } = this;
    for (let first_row = 0; first_row < count; ) {
      const page = indexes.pageWithRoom();
      if (page === undefined) return false;
      const rows = Math.min(count - first_row, (page.length - indexes.used_bytes) / width_bytes);
      const view = width_bytes === 1 ? page : new Uint16Array(page.buffer, page.byteOffset, page.length / width_bytes);
      write(view, indexes.used_bytes / width_bytes, first_row, rows);
      indexes.used_bytes += rows * width_bytes;
      first_row += rows;
    }
    return true;
  }
}

export function createHeldColumn(column: Column, pool: PagePool): HeldColumn {
  return column.kind === 'dictionary' ? new HeldDictionary(column, pool) : new HeldPlain(column, pool);
}

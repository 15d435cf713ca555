/** The records of single segments, streamed out of the books beside a running daemon: one book in memory at a time. */
import type { Fs } from '../../../contract/ports.ts';
import { parseSegmentFileName } from '../segment_name.ts';
import { listBooks, readBook } from './book_files.ts';
import { isSegmentEntry, type SegmentEntry } from './entry.ts';
import { LEDGER_DIRECTORY } from './ledger.ts';

const DAY_MS = 86_400_000;

export class SegmentRecords {
  constructor(
    private readonly fs: Fs,
    private readonly data_dir: string,
  ) {}

  /**
   * Since when every segment has a record, milliseconds since the epoch; -Infinity when they go back to the first one. Undefined without books.
   */
  async since(): Promise<number | undefined> {
    const [oldest] = await listBooks(this.fs, this.directory());
    if (oldest === undefined) return undefined;
    const first = (await readBook(this.fs, this.directory(), oldest.name))?.entries[0];
    if (oldest.sequence === 1) return Number.NEGATIVE_INFINITY;
    return first?.at_ms ?? oldest.began_at_ms + DAY_MS;
  }

  /** Entries in the order of writing, of those books that may have one from `from_ms` on; the last of a segment is what counts. */
  async *entries(from_ms = Number.NEGATIVE_INFINITY): AsyncGenerator<SegmentEntry> {
    const books = await listBooks(this.fs, this.directory());
    for (const [index, { name }] of books.entries()) {
      const successor = books[index + 1];
      if (successor !== undefined && successor.began_at_ms + DAY_MS < from_ms) continue;
      for (const entry of (await readBook(this.fs, this.directory(), name))?.entries ?? []) if (isSegmentEntry(entry)) yield entry;
    }
  }

  /** Segments that are in the spool now. What is not, and was, has its entry. */
  async spooled(): Promise<ReadonlySet<string>> {
    const names = await this.fs.list(`${this.data_dir}/spool`);
    return new Set(names.flatMap((name) => parseSegmentFileName(name)?.segment.id ?? []));
  }

  private directory(): string {
    return `${this.data_dir}/${LEDGER_DIRECTORY}`;
  }
}

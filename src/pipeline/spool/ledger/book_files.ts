/**
 * The ledger's files, as they are read: `<data_dir>/ledger/<sequence, 8 digits>-<yyyymmdd>.book`, each beginning with a checkpoint.
 *
 * Only reads, one file at a time, each bounded by the size at which the journal begins another. So a start reads one file, whatever the age of the books, and
 * `verify` streams through all of them beside a running daemon.
 */
import type { Fs } from '../../../contract/ports.ts';
import { withFile } from '../file_io.ts';
import { errorCode } from '../system_errors.ts';
import { Books } from './books.ts';
import { decodeEntry, type Entry, isSegmentEntry, type SegmentEntry } from './entry.ts';

export interface BookName {
  readonly name: string;
  readonly sequence: number;
  /** The day, in UTC, on which it was begun; by the clock of that time. */
  readonly began_at_ms: number;
}

/** What an earlier run left. */
export interface BooksFound {
  /** Of settled segments and loose requests. */
  readonly settled: Books;
  /** The last line of every segment whose file may not have followed it yet. */
  readonly fates: ReadonlyMap<string, SegmentEntry>;
  readonly next_sequence: number;
  /** When the books begin; undefined when there are none. */
  readonly began_at_ms: number | undefined;
  /** Lines that failed their checksum with sound lines behind them. */
  readonly damaged_lines: number;
  /** There are books, but none with a sound checkpoint: earlier sums are lost. */
  readonly is_cut_off: boolean;
}

const NAME_PATTERN = /^(\d{8})-(\d{4})(\d{2})(\d{2})\.book$/;

export function bookFileName(sequence: number, now_ms: number): string {
  return `${String(sequence).padStart(8, '0')}-${new Date(now_ms).toISOString().slice(0, 10).replaceAll('-', '')}.book`;
}

/** All books, oldest first. */
export async function listBooks(fs: Fs, directory: string): Promise<readonly BookName[]> {
  const books: BookName[] = [];
  for (const name of await fs.list(directory)) {
    const [, sequence, year, month, day] = NAME_PATTERN.exec(name) ?? [];
    if (sequence === undefined) continue;
    books.push({ name, sequence: Number(sequence), began_at_ms: Date.parse(`${year}-${month}-${day}T00:00:00Z`) });
  }
  return books.sort((left, right) => left.sequence - right.sequence);
}

/** Entries of one book in order, and how many lines in the midst of it are none; undefined when it is gone by now. */
export async function readBook(
  fs: Fs,
  directory: string,
  name: string,
): Promise<{ entries: readonly Entry[]; damaged_lines: number } | undefined> {
  const text = await readText(fs, `${directory}/${name}`);
  if (text === undefined) return undefined;
  const entries: Entry[] = [];
  let damaged_lines = 0;
  let doubtful_lines = 0;
  // What stands behind the last newline was never synced, so nothing depends on it.
  for (let at = 0, end = text.indexOf('\n'); end !== -1; at = end + 1, end = text.indexOf('\n', at)) {
    if (at === end) continue;
    const entry = decodeEntry(text.slice(at, end));
    if (entry === undefined) {
      doubtful_lines++;
      continue;
    }
    damaged_lines += doubtful_lines;
    doubtful_lines = 0;
    entries.push(entry);
  }
  return { entries, damaged_lines };
}

/** Adds the books up from the newest sound checkpoint on. */
export async function readBooks(fs: Fs, directory: string): Promise<BooksFound> {
  const names = await listBooks(fs, directory);
  let behind_checkpoint: readonly Entry[] = [];
  let damaged_lines = 0;
  let is_cut_off = names.length > 0;
  for (const { name } of [...names].reverse()) {
    const book = await readBook(fs, directory, name);
    if (book === undefined) continue;
    damaged_lines += book.damaged_lines;
    behind_checkpoint = [...book.entries, ...behind_checkpoint];
    if (book.entries[0]?.kind !== 'checkpoint') continue;
    is_cut_off = false;
    break;
  }
  const found = addUp(behind_checkpoint);
  return { ...found, next_sequence: (names.at(-1)?.sequence ?? 0) + 1, damaged_lines, is_cut_off };
}

/** Applies one line to the sums of what is settled. Of the accepted events of a dead letter that is replayed, the spool has the account again. */
export function applyEntry(settled: Books, entry: Exclude<Entry, { kind: 'checkpoint' }>): void {
  if (entry.kind === 'delivered' || entry.kind === 'dead_lettered') settled.post(entry.accounts, entry.kind);
  else if (entry.kind === 'damaged' || entry.kind === 'loose') settled.post(entry.accounts, 'dead_lettered');
  else if (entry.kind === 'replayed') settled.post(entry.accounts, 'dead_lettered', -1);
}

function addUp(entries: readonly Entry[]): Pick<BooksFound, 'settled' | 'fates' | 'began_at_ms'> {
  const settled = new Books();
  const fates = new Map<string, SegmentEntry>();
  const [first] = entries;
  if (first?.kind === 'checkpoint') {
    settled.add(first.totals);
    for (const entry of first.lingering) fates.set(entry.segment_id, entry);
  }
  for (const entry of entries) {
    if (entry.kind === 'checkpoint') continue;
    applyEntry(settled, entry);
    if (isSegmentEntry(entry)) fates.set(entry.segment_id, entry);
  }
  return { settled, fates, began_at_ms: first?.kind === 'checkpoint' ? first.began_at_ms : undefined };
}

async function readText(fs: Fs, path: string): Promise<string | undefined> {
  try {
    return await withFile(fs, path, 'read', async (file) => {
      const bytes = Buffer.alloc(await file.size());
      const read_bytes = await file.read(bytes, 0);
      return bytes.toString('utf8', 0, read_bytes);
    });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

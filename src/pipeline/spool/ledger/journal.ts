/**
 * The ledger's writer: appends lines and makes them durable, all that wait with one write and one sync.
 *
 * A file is never written again by a later process, nor after an error: the next line begins another, whose checkpoint says what all before it add up to.
 * So a tail that may or may not have reached the disk is never built upon. A new file is also begun each day, so that old ones can go, and at
 * `BOOK_BYTES_MAX`, so that a start reads little.
 */
import type { Clock, FileHandle, Fs } from '../../../contract/ports.ts';
import { removeIfThere, writeFully } from '../file_io.ts';
import { PARTIAL_SUFFIX } from '../segment_name.ts';
import { reasonOf } from '../system_errors.ts';
import { bookFileName, listBooks } from './book_files.ts';
import { type CheckpointEntry, type Entry, encodeEntry } from './entry.ts';

/** About 54,000 segments; a start reads them within half a second. */
const BOOK_BYTES_MAX = 8 << 20;
const DAY_MS = 86_400_000;
/** How long the records of single segments are kept for `verify`. */
export const RECORDS_KEPT_DAYS = 90;

export type Line = Exclude<Entry, CheckpointEntry>;

export interface JournalHooks {
  /** The state of the books before any line that is not durable yet. */
  checkpoint(): CheckpointEntry;
  /** The line is durable; called in order, before anybody learns of it. */
  written(line: Line): void;
  incident(name: 'ledger_unwritable' | 'ledger_prune_failed', context: Readonly<Record<string, string | number>>): void;
}

export interface JournalOptions {
  readonly directory: string;
  /** Whose removals must be durable before a file is begun: what its checkpoint does not name, must not come back. */
  readonly segments_directory: string;
  readonly next_sequence: number;
}

interface Waiting {
  readonly line: Line;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Journal {
  private file: FileHandle | undefined;
  private end_bytes = 0;
  private day = -1;
  private next_sequence: number;
  private waiting: Waiting[] = [];
  private running: Promise<void> | undefined;

  constructor(
    private readonly fs: Fs,
    private readonly clock: Clock,
    private readonly options: JournalOptions,
    private readonly hooks: JournalHooks,
  ) {
    this.next_sequence = options.next_sequence;
  }

  /** Resolves when the line is durable; rejects with the operating system's error, and then the line does not count. */
  append(line: Line): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ line, resolve, reject });
      this.running ??= this.run();
    });
  }

  /** Resolves when nothing is being written any more. Nothing may be appended after it. */
  async close(): Promise<void> {
    await this.running;
    await this.abandon();
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.waiting;
      this.waiting = [];
      await this.writeGroup(group);
    }
    this.running = undefined;
  }

  private async writeGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const bytes = Buffer.from(group.map(({ line }) => encodeEntry(line)).join(''));
      const file = await this.currentFile();
      await writeFully(file, [bytes], this.end_bytes);
      await file.datasync();
      this.end_bytes += bytes.length;
    } catch (error) {
      await this.abandon();
      this.hooks.incident('ledger_unwritable', { reason: reasonOf(error) });
      for (const { reject } of group) reject(error);
      return;
    }
    for (const { line } of group) this.hooks.written(line);
    for (const { resolve } of group) resolve();
  }

  private async currentFile(): Promise<FileHandle> {
    const today = Math.floor(this.clock.nowMs() / DAY_MS);
    if (this.file !== undefined && this.day === today && this.end_bytes < BOOK_BYTES_MAX) return this.file;
    await this.abandon();
    return this.begin(today);
  }

  /** Whole or not at all: a file that stands under its name has its checkpoint. */
  private async begin(today: number): Promise<FileHandle> {
    const { fs, options } = this;
    const checkpoint = encodeEntry(this.hooks.checkpoint());
    await fs.makeDirectory(options.directory);
    await fs.syncDirectory(options.segments_directory);
    const path = `${options.directory}/${bookFileName(this.next_sequence, this.clock.nowMs())}`;
    await removeIfThere(fs, path + PARTIAL_SUFFIX);
    const file = await fs.open(path + PARTIAL_SUFFIX, 'create');
    try {
      // Twice and with an empty line behind each, so that no single damaged place cuts the books off from what was before.
      const bytes = Buffer.from(`${checkpoint}\n${checkpoint}\n`);
      await writeFully(file, [bytes], 0);
      await file.datasync();
      await fs.rename(path + PARTIAL_SUFFIX, path);
      this.next_sequence++;
      await fs.syncDirectory(options.directory);
      this.end_bytes = bytes.length;
    } catch (error) {
      await file.close().catch(() => undefined);
      await removeIfThere(fs, path + PARTIAL_SUFFIX).catch(() => undefined);
      throw error;
    }
    this.file = file;
    this.day = today;
    await this.prune();
    return file;
  }

  /** Removes the files whose last line is older than records are kept; a failure costs disk space and is tried again with the next file. */
  private async prune(): Promise<void> {
    const { fs, options } = this;
    try {
      const books = await listBooks(fs, options.directory);
      const kept_from_ms = this.clock.nowMs() - RECORDS_KEPT_DAYS * DAY_MS;
      for (const [index, { name }] of books.entries()) {
        const successor = books[index + 1];
        // The successor was begun when this one ended, on that day or, by its name, up to a day later.
        if (successor === undefined || successor.began_at_ms + DAY_MS > kept_from_ms) return;
        await removeIfThere(fs, `${options.directory}/${name}`);
      }
    } catch (error) {
      this.hooks.incident('ledger_prune_failed', { reason: reasonOf(error) });
    }
  }

  /** What counts in the file is durable; whether it closes cleanly does not matter any more. */
  private async abandon(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close().catch(() => undefined);
  }
}

/**
 * The dead letters: rows that ClickHouse rejects for good, kept as segments of one row until a person decides. `letter_files.ts` has the layout.
 *
 * Owner of that directory, which the command line changes in one way only: by marking letters for replay, which is looked for about once a second. What is
 * marked goes back into the spool under the same id and with its tokens, so that delivery asks first whether its row is there already. It is bounded how
 * many are on their way at a time.
 */
import { assert } from '../../base/assert.ts';
import type { SegmentBooks } from '../../contract/books.ts';
import type { Timer } from '../../contract/ports.ts';
import type { Rejection, SealedSegment } from '../../contract/segment.ts';
import { removeIfThere, withFile, writeFileDurably } from './file_io.ts';
import {
  DESCRIPTION_SUFFIX,
  formatDescription,
  LETTER_DIRECTORY,
  type LetterDescription,
  REPLAY_DIRECTORY,
  SEALED_SUFFIX,
} from './letter_files.ts';
import { readOnlyRow } from './native_row.ts';
import type { SpoolPorts } from './options.ts';
import { Pacer } from './pacer.ts';
import type { Quarantine } from './quarantine.ts';
import { readSealedTail } from './sealed_footer.ts';
import { parseSegmentFileName, segmentFileName } from './segment_name.ts';
import type { SyncedDirectory } from './synced_directory.ts';
import { errorCode, reasonOf } from './system_errors.ts';
import { WindowReader } from './window_reader.ts';

const LOOK_INTERVAL_MS = 1000;
/** Replayed letters that are in the queue at one time. */
const RETURNED_MAX = 256;

export interface DeadLettersHooks {
  readonly books: SegmentBooks;
  /** Whether the spool has room for more. */
  mayReturn(): boolean;
  /** The segment's file is in the spool again, durable. */
  returned(segment: SealedSegment): void;
}

export class DeadLetters {
  private readonly directory: string;
  private readonly replay_directory: string;
  private readonly count_by_table = new Map<string, number>();
  /** Ids of replayed letters that are in the queue. */
  private readonly in_queue = new Set<string>();
  /** Letters on their way back, of which it is not yet known that they are in the spool for good. */
  private readonly moving = new Map<string, SealedSegment>();
  private timer: Timer | undefined;
  private looking: Promise<void> | undefined;
  private is_stopped = false;

  constructor(
    private readonly ports: SpoolPorts,
    data_dir: string,
    private readonly spool_directory: SyncedDirectory,
    private readonly quarantine: Quarantine,
    private readonly hooks: DeadLettersHooks,
  ) {
    this.directory = `${data_dir}/${LETTER_DIRECTORY}`;
    this.replay_directory = `${data_dir}/${REPLAY_DIRECTORY}`;
  }

  /** How many letters each table has; those that are in the queue again do not count. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.count_by_table);
  }

  /**
   * Takes over what an earlier run left.
   *
   * @param sealed what is in the queue
   */
  async recover(sealed: readonly SealedSegment[]): Promise<void> {
    const { fs } = this.ports;
    await fs.makeDirectory(this.replay_directory);
    const beside = await fs.list(this.directory);
    const marked = await fs.list(this.replay_directory);
    const here = new Set([...beside, ...marked]);
    const queued = new Map(sealed.map((segment) => [segmentFileName(segment, 'sealed'), segment]));
    for (const name of [...beside, ...marked]) this.count(name);
    for (const name of beside) {
      if (!name.endsWith(DESCRIPTION_SUFFIX)) continue;
      const segment_name = name.slice(0, -DESCRIPTION_SUFFIX.length) + SEALED_SUFFIX;
      if (here.has(segment_name)) continue;
      const segment = queued.get(segment_name);
      if (segment === undefined) await removeIfThere(fs, `${this.directory}/${name}`);
      else this.in_queue.add(segment.id);
    }
  }

  /** Looks for marked letters again and again until `stop`. */
  start(): void {
    this.timer = this.ports.clock.schedule(LOOK_INTERVAL_MS, () => {
      void this.look();
    });
  }

  async stop(): Promise<void> {
    this.is_stopped = true;
    this.timer?.cancel();
    await this.looking;
  }

  /** Moves a segment's file out of the spool; the caller has checked its content and made durable what must not come back in its place. */
  async keep(segment: SealedSegment, rejection: Rejection): Promise<void> {
    assert(segment.rows === 1, 'BUG: a dead letter has more than one row');
    const name = segmentFileName(segment, 'sealed');
    if (!(await this.ports.fs.list(this.directory)).includes(name)) await this.writeDescription(segment, rejection);
    await this.hooks.books.deadLettered(segment, () => this.move(name, this.spool_directory.path, this.directory));
    this.in_queue.delete(segment.id);
    this.add(segment.table, 1);
    this.ports.observer.deadLettered(segment);
  }

  /** A segment left the queue for ClickHouse: if it had been a letter, nothing of that is left. */
  async forget(segment: SealedSegment): Promise<void> {
    if (!this.in_queue.has(segment.id)) return;
    await removeIfThere(this.ports.fs, `${this.directory}/${nameOfDescription(segment)}`);
    this.in_queue.delete(segment.id);
  }

  /** Puts marked letters back into the queue. */
  look(): Promise<void> {
    this.looking ??= this.returnMarked()
      .catch((error: unknown) => this.ports.observer.incident('replay_failed', { reason: reasonOf(error) }))
      .finally(() => {
        this.looking = undefined;
        if (!this.is_stopped) this.start();
      });
    return this.looking;
  }

  private async returnMarked(): Promise<void> {
    for (const [name, segment] of this.moving) await this.moveBack(name, segment);
    for (const name of await this.ports.fs.list(this.replay_directory)) {
      if (this.is_stopped || this.in_queue.size >= RETURNED_MAX || !this.hooks.mayReturn()) break;
      const segment = await this.readLetter(`${this.replay_directory}/${name}`);
      if (segment !== undefined && segmentFileName(segment, 'sealed') === name) await this.moveBack(name, segment);
      else await this.quarantine.keepFile(this.replay_directory, name, 'its footer is damaged');
    }
  }

  private async moveBack(name: string, segment: SealedSegment): Promise<void> {
    this.moving.set(name, segment);
    await this.hooks.books.replayed(segment, () => this.move(name, this.replay_directory, this.spool_directory.path));
    this.moving.delete(name);
    this.in_queue.add(segment.id);
    this.add(segment.table, -1);
    this.ports.observer.replayed(segment);
    this.hooks.returned(segment);
  }

  /** Moves a letter's file, durably. Can be called again when it failed before or behind the rename. */
  private async move(name: string, from: string, to: string): Promise<void> {
    const { fs } = this.ports;
    try {
      await fs.rename(`${from}/${name}`, `${to}/${name}`);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || !(await fs.list(to)).includes(name)) throw error;
    }
    this.spool_directory.changed();
    for (const directory of [to, from]) {
      if (directory === this.spool_directory.path) await this.spool_directory.sync();
      else await fs.syncDirectory(directory);
    }
  }

  private async readLetter(path: string): Promise<SealedSegment | undefined> {
    const tail = await withFile(this.ports.fs, path, 'read', readSealedTail);
    if (tail === undefined) return undefined;
    const { native_crc32: _, ...segment } = tail.footer;
    return { ...segment, tokens: tail.tokens };
  }

  private async writeDescription(segment: SealedSegment, rejection: Rejection): Promise<void> {
    const description = formatDescription(await this.describe(segment, rejection));
    await writeFileDurably(this.ports.fs, this.directory, nameOfDescription(segment), Buffer.from(description));
  }

  private async describe(segment: SealedSegment, rejection: Rejection): Promise<LetterDescription> {
    const { fs, clock } = this.ports;
    const path = `${this.spool_directory.path}/${segmentFileName(segment, 'sealed')}`;
    const content = await withFile(fs, path, 'read', (file) => readOnlyRow(new WindowReader(file, segment.native_bytes), new Pacer(clock)));
    return {
      segment: segment.id,
      table: segment.table,
      source: segment.accounts.find(({ accepted }) => accepted > 0)?.source ?? '',
      reason: rejection,
      rejected_at: new Date(clock.nowMs()).toISOString(),
      received_at: new Date(segment.received_at_ms).toISOString(),
      ...(segment.origin === undefined ? {} : { cut_from: { segment: segment.origin.root, row: segment.origin.first_row } }),
      content,
    };
  }

  private count(name: string): void {
    const parsed = parseSegmentFileName(name);
    if (parsed?.kind === 'sealed') this.add(parsed.segment.table, 1);
  }

  private add(table: string, change: number): void {
    this.count_by_table.set(table, (this.count_by_table.get(table) ?? 0) + change);
  }
}

function nameOfDescription(segment: SealedSegment): string {
  return segmentFileName(segment, 'sealed').slice(0, -SEALED_SUFFIX.length) + DESCRIPTION_SUFFIX;
}

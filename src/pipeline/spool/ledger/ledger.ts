/**
 * The ledger: knows of every event what became of it, and can prove it after a crash.
 *
 * Three kinds of accounts make the books. Of segments whose fate is settled, and of requests without an accepted event: lines in files of its own (`journal.ts`).
 * Of sealed segments: their footers, which the spool reads at its start. Of open segments: their records, counted while they are written, and again when a
 * segment of an earlier run is sealed. So nothing is written per request, and one synced line per segment, shared by those that end together.
 *
 * The line is durable before the segment's file goes, so that a file that a crash leaves, or brings back, is known and neither counted nor sent again. In memory
 * each step is one synchronous change: whoever looks at the books, at any moment, finds the equations true.
 */
import { assert } from '../../../base/assert.ts';
import type { BlockAccounts } from '../../../contract/block.ts';
import type { SegmentBooks } from '../../../contract/books.ts';
import type { LedgerAnswer } from '../../../contract/ledger.ts';
import type { Clock, Fs, Timer } from '../../../contract/ports.ts';
import type { SealedSegment } from '../../../contract/segment.ts';
import { AccountsSum } from '../accounts.ts';
import { applyEntry, readBooks } from './book_files.ts';
import { accountsLost, Books } from './books.ts';
import { type AccountsEntry, type Fate, isSegmentEntry, type SegmentEntry } from './entry.ts';
import { Journal, type Line } from './journal.ts';

/** Below the data directory. */
export const LEDGER_DIRECTORY = 'ledger';
/** A crash may lose so much of the requests without an accepted event, on both sides of the equation. */
const LOOSE_WRITE_MS = 10_000;

export interface LedgerPorts {
  readonly fs: Fs;
  readonly clock: Clock;
  readonly observer: {
    incident(
      name: 'ledger_unwritable' | 'ledger_prune_failed' | 'ledger_damaged',
      context: Readonly<Record<string, string | number>>,
    ): void;
  };
}

export class Ledger implements SegmentBooks {
  /** Settled segments and loose requests, as the files have them. */
  private settled = new Books();
  /** Sealed segments. */
  private readonly sealed_books = new Books();
  /** Open and closed segments; undefined for one of an earlier run, which nobody has counted yet. */
  private readonly unsealed = new Map<string, AccountsSum | undefined>();
  /** Lines of segments whose files have not followed yet; at the start, also those of which that is not known. */
  private lingering = new Map<string, SegmentEntry>();
  private readonly waiting = { loose: new AccountsSum(), damaged: new AccountsSum() };
  /** Taken out of `waiting`, and not yet durable. */
  private readonly writing = new Set<AccountsEntry>();
  private readonly directory: string;
  private readonly segments_directory: string;
  private journal: Journal | undefined;
  private began_at_ms = 0;
  private loose_timer: Timer | undefined;
  private is_closed = false;

  constructor(
    private readonly ports: LedgerPorts,
    data_dir: string,
    segments_directory: string,
  ) {
    this.directory = `${data_dir}/${LEDGER_DIRECTORY}`;
    this.segments_directory = segments_directory;
  }

  /** Reads what the books add up to; writes nothing. Then `isOver` is asked for each file found, and `adopt` called once. */
  async start(): Promise<void> {
    const { fs, clock, observer } = this.ports;
    const found = await readBooks(fs, this.directory);
    this.settled = found.settled;
    this.lingering = new Map(found.fates);
    this.began_at_ms = found.began_at_ms ?? clock.nowMs();
    if (found.damaged_lines > 0 || found.is_cut_off) {
      observer.incident('ledger_damaged', { damaged_lines: found.damaged_lines, has_checkpoint: found.is_cut_off ? 0 : 1 });
    }
    const { directory, segments_directory } = this;
    const { next_sequence } = found;
    this.journal = new Journal(
      fs,
      clock,
      { directory, segments_directory, next_sequence },
      {
        checkpoint: () => ({
          kind: 'checkpoint',
          at_ms: clock.nowMs(),
          began_at_ms: this.began_at_ms,
          totals: this.settled.bySource(),
          lingering: [...this.lingering.values()],
        }),
        written: (line) => this.written(line),
        incident: (name, context) => observer.incident(name, context),
      },
    );
  }

  /** Whether a segment found at the start is known to be in ClickHouse, or was replaced by its children: its files are only to be removed. */
  isOver(segment_id: string): boolean {
    const fate = this.lingering.get(segment_id)?.kind;
    return fate === 'delivered' || fate === 'split';
  }

  /**
   * Takes over what the spool found at its start; files for which `isOver` are gone, durably, and not among them.
   *
   * Where a file is, is the truth: a dead letter that is in the spool never left it or has come back, and one that was to be replayed and is not in the spool
   * was not. Nothing is written for it: the next file's checkpoint has it, and until then each start finds the same.
   */
  adopt(sealed: readonly SealedSegment[], unsealed_ids: readonly string[]): void {
    const present = new Set([...sealed.map(({ id }) => id), ...unsealed_ids]);
    for (const entry of this.lingering.values()) {
      const is_present = present.has(entry.segment_id);
      if (entry.kind === 'dead_lettered' && is_present) this.settled.post(entry.accounts, 'dead_lettered', -1);
      if (entry.kind === 'replayed' && !is_present) this.settled.post(entry.accounts, 'dead_lettered');
    }
    this.lingering.clear();
    for (const segment of sealed) this.sealed_books.post(segment.accounts, 'spooled');
    for (const id of unsealed_ids) this.unsealed.set(id, undefined);
  }

  /** An open segment begins; `accounts` grows with it. */
  opened(segment_id: string, accounts: AccountsSum): void {
    this.unsealed.set(segment_id, accounts);
  }

  /** What was open is now this sealed segment, or nothing, when no sound record was in it. Records that were damaged meanwhile are dead. */
  sealed(segment_id: string, segment: SealedSegment | undefined): void {
    const before = this.unsealed.get(segment_id)?.entries();
    this.unsealed.delete(segment_id);
    const after = segment?.accounts ?? [];
    this.sealed_books.post(after, 'spooled');
    if (before !== undefined) this.note('damaged', accountsLost(before, after));
  }

  /** Counts events of requests without an accepted one. */
  countLoose(accounts: BlockAccounts): void {
    assert(accounts.accepted === 0, 'BUG: accepted events are counted without a segment');
    this.note('loose', [accounts]);
  }

  /**
   * The segment is in ClickHouse: resolves when that is durable and `removeFile` has run. May be called again after a failure of either.
   */
  delivered(segment: SealedSegment, remove_file: () => Promise<void>): Promise<void> {
    return this.settle('delivered', segment, [], remove_file);
  }

  /** The segment is set aside; `moveFile` takes its file out of the spool's directory, by a rename. */
  deadLettered(segment: SealedSegment, move_file: () => Promise<void>): Promise<void> {
    return this.settle('dead_lettered', segment, [], move_file);
  }

  /** A dead letter goes back to be delivered under its own id; `moveFile` brings its file into the spool's directory, by a rename. */
  replayed(segment: SealedSegment, move_file: () => Promise<void>): Promise<void> {
    return this.settle('replayed', segment, [], move_file);
  }

  /**
   * The segment is replaced by others whose rows and accounts are together its own, and whose files are durable. `removeFile` takes the parent's.
   *
   * The line is what decides: before it, children found beside their parent are to be removed (none was ever sent); after it, `isOver` says so of the parent.
   */
  split(segment: SealedSegment, children: readonly SealedSegment[], remove_file: () => Promise<void>): Promise<void> {
    const rows = children.reduce((sum, child) => sum + child.rows, 0);
    assert(rows === segment.rows, 'BUG: a segment is split into more or fewer rows than it has');
    const accounts = children.flatMap((child) => child.accounts);
    const is_same = accountsLost(segment.accounts, accounts).length === 0 && accountsLost(accounts, segment.accounts).length === 0;
    assert(is_same, 'BUG: the accounts of a segment are not divided among its children');
    return this.settle(
      'split',
      segment,
      children.map(({ id }) => id),
      remove_file,
    );
  }

  /** Segments of an earlier run that are not counted yet; until there is none, `answer` knows too little. */
  uncountedSegments(): number {
    return [...this.unsealed.values()].filter((accounts) => accounts === undefined).length;
  }

  /** The books at this moment. @param sources that are shown even when nothing is known of them */
  answer(sources: readonly string[]): LedgerAnswer {
    const books = new Books(sources);
    books.add(this.settled.bySource());
    books.add(this.sealed_books.bySource());
    for (const accounts of this.unsealed.values()) books.post(accounts?.entries() ?? [], 'spooled');
    for (const { accounts } of this.writing) books.post(accounts, 'dead_lettered');
    for (const accounts of Object.values(this.waiting)) books.post(accounts.entries(), 'dead_lettered');
    return books.answer();
  }

  /** Writes what is only in memory, and ends. Nothing may be settled after it. */
  async close(): Promise<void> {
    this.is_closed = true;
    this.loose_timer?.cancel();
    await this.writeWaiting();
    await this.journal?.close();
  }

  private async settle(kind: Fate, segment: SealedSegment, children: readonly string[], move_file: () => Promise<void>): Promise<void> {
    const { journal } = this;
    assert(journal !== undefined, 'BUG: the ledger is written before it is read');
    const before = this.lingering.get(segment.id)?.kind;
    const { id: segment_id, table, month, rows, accounts } = segment;
    const line = { segment_id, table, month, rows, at_ms: Math.floor(this.ports.clock.nowMs()), accounts, children };
    // It was to be set aside, and its file never went.
    const was_kept = before === 'dead_lettered' && kind !== 'dead_lettered' && kind !== 'replayed';
    if (was_kept) await journal.append({ ...line, kind: 'replayed', children: [] });
    if (before !== kind) await journal.append({ ...line, kind });
    await move_file();
    this.lingering.delete(segment.id);
  }

  private written(line: Line): void {
    applyEntry(this.settled, line);
    if (!isSegmentEntry(line)) {
      this.writing.delete(line);
      return;
    }
    this.lingering.set(line.segment_id, line);
    // Of a split segment its children have the accounts.
    if (line.kind === 'split') return;
    this.sealed_books.post(line.accounts, 'spooled', line.kind === 'replayed' ? 1 : -1);
  }

  private note(kind: AccountsEntry['kind'], accounts: readonly BlockAccounts[]): void {
    if (accounts.length === 0) return;
    for (const one of accounts) this.waiting[kind].add(one);
    this.scheduleLoose();
  }

  private scheduleLoose(): void {
    if (this.is_closed) return;
    this.loose_timer ??= this.ports.clock.schedule(LOOSE_WRITE_MS, () => {
      this.loose_timer = undefined;
      void this.writeWaiting();
    });
  }

  /** What cannot be written waits on. */
  private async writeWaiting(): Promise<void> {
    const at_ms = Math.floor(this.ports.clock.nowMs());
    await Promise.all((['loose', 'damaged'] as const).map((kind) => this.writeAccounts({ kind, at_ms, accounts: this.takeWaiting(kind) })));
  }

  private takeWaiting(kind: AccountsEntry['kind']): readonly BlockAccounts[] {
    const accounts = this.waiting[kind].entries();
    this.waiting[kind] = new AccountsSum();
    return accounts;
  }

  private async writeAccounts(entry: AccountsEntry): Promise<void> {
    if (entry.accounts.length === 0 || this.journal === undefined) return;
    this.writing.add(entry);
    try {
      await this.journal.append(entry);
    } catch {
      // The journal has told the observer why.
      this.writing.delete(entry);
      this.note(entry.kind, entry.accounts);
    }
  }
}

/**
 * Sums of accounts by source and by what became of the accepted events. Plain arithmetic: it owns no file and knows no segment.
 */
import type { BlockAccounts } from '../../../contract/block.ts';
import type { LedgerAnswer, LedgerFigures } from '../../../contract/ledger.ts';

/** Where accepted events can be. Accounts without accepted events may be posted to any of them. */
export type Place = 'delivered' | 'spooled' | 'dead_lettered';

/** Reasons of one source that are kept apart; they label metrics, so what is beyond is counted together as `other`. */
const REASONS_MAX = 64;
const OTHER_REASON = 'other';

interface Sums {
  received: number;
  accepted: number;
  /** A Map, so that no reason's name can meet a property of Object. */
  readonly rejected: Map<string, number>;
  delivered: number;
  spooled: number;
  dead_lettered: number;
}

export class Books {
  private readonly by_source = new Map<string, Sums>();

  /** @param sources that are shown even when nothing is known of them */
  constructor(sources: readonly string[] = []) {
    for (const source of sources) this.sumsOf(source);
  }

  /** Adds the accounts, their accepted events at `place`; `times` -1 takes them out again. */
  post(accounts: readonly BlockAccounts[], place: Place, times: 1 | -1 = 1): void {
    for (const { source, received, accepted, rejected } of accounts) {
      const sums = this.sumsOf(source);
      sums.received += times * received;
      sums.accepted += times * accepted;
      sums[place] += times * accepted;
      for (const [reason, count] of Object.entries(rejected)) addReason(sums.rejected, reason, times * count);
    }
  }

  /** Adds all of other books. */
  add(figures: Readonly<Record<string, LedgerFigures>>): void {
    for (const [source, more] of Object.entries(figures)) {
      const sums = this.sumsOf(source);
      sums.received += more.received;
      sums.accepted += more.accepted;
      sums.delivered += more.delivered;
      sums.spooled += more.spooled;
      sums.dead_lettered += more.dead_lettered;
      for (const [reason, count] of Object.entries(more.rejected)) addReason(sums.rejected, reason, count);
    }
  }

  bySource(): Readonly<Record<string, LedgerFigures>> {
    return Object.fromEntries([...this.by_source].map(([source, sums]) => [source, figuresOf(sums)]));
  }

  answer(): LedgerAnswer {
    const total = createSums();
    for (const sums of this.by_source.values()) {
      total.received += sums.received;
      total.accepted += sums.accepted;
      total.delivered += sums.delivered;
      total.spooled += sums.spooled;
      total.dead_lettered += sums.dead_lettered;
      // Each source has its own bound of reasons; together they need none.
      for (const [reason, count] of sums.rejected) total.rejected.set(reason, (total.rejected.get(reason) ?? 0) + count);
    }
    return { ...figuresOf(total), by_source: this.bySource() };
  }

  private sumsOf(source: string): Sums {
    let sums = this.by_source.get(source);
    if (sums === undefined) {
      sums = createSums();
      this.by_source.set(source, sums);
    }
    return sums;
  }
}

/** What `before` has and `after` lacks, source by source: accounts of records that were damaged in between. */
export function accountsLost(before: readonly BlockAccounts[], after: readonly BlockAccounts[]): readonly BlockAccounts[] {
  const books = new Books();
  books.post(before, 'spooled');
  books.post(after, 'spooled', -1);
  return Object.entries(books.bySource())
    .map(([source, { received, accepted, rejected }]) => ({ source, received, accepted, rejected }))
    .filter(({ received }) => received > 0);
}

function createSums(): Sums {
  return { received: 0, accepted: 0, rejected: new Map(), delivered: 0, spooled: 0, dead_lettered: 0 };
}

function figuresOf(sums: Sums): LedgerFigures {
  return { ...sums, rejected: Object.fromEntries([...sums.rejected].filter(([, count]) => count !== 0)) };
}

function addReason(rejected: Map<string, number>, reason: string, count: number): void {
  const name = rejected.has(reason) || rejected.size < REASONS_MAX ? reason : OTHER_REASON;
  rejected.set(name, (rejected.get(name) ?? 0) + count);
}

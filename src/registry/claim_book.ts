/**
 * A batch of claims against a store of keys and values: which outcomes it has, and what must be written so that they hold. Pure but for what it reads.
 *
 * Two maps make the store. `entries` has what is claimed, with the event that claimed it last; `pending` has the events that are neither confirmed nor
 * released, with what they hold. So an entry is pending as long as its event is, and to confirm an event, which is what happens to nearly all of them,
 * is to remove one small record and to touch no entry.
 */
import type { ClaimBatch, ClaimOutcome, EventClaims, PendingEvent } from '../contract/version_claims.ts';
import { combine, type Entry, type JudgedClaim, judgeAll } from './judgement.ts';

export interface StoredEntry {
  readonly fingerprint: string;
  readonly answer: string;
  readonly expires_at_ms: number | undefined;
  readonly event_id: string;
  readonly is_addition: boolean;
}

export interface StoredPending {
  readonly table: string;
  readonly keys: readonly string[];
}

export interface ClaimMaps {
  entry(key: string): StoredEntry | undefined;
  pending(event_id: string): StoredPending | undefined;
}

/** What a batch changes; undefined removes. */
export interface ClaimWrites {
  readonly entries: ReadonlyMap<string, StoredEntry | undefined>;
  readonly pending: ReadonlyMap<string, StoredPending | undefined>;
}

export class ClaimBook {
  private readonly entries = new Map<string, StoredEntry | undefined>();
  private readonly pending = new Map<string, StoredPending | undefined>();

  private constructor(
    private readonly maps: ClaimMaps,
    private readonly now_ms: number,
  ) {}

  static apply(batch: ClaimBatch, maps: ClaimMaps): { outcomes: readonly ClaimOutcome[]; writes: ClaimWrites } {
    const book = new ClaimBook(maps, batch.now_ms);
    for (const event_id of batch.confirm) {
      if (book.pendingOf(event_id) !== undefined) book.pending.set(event_id, undefined);
    }
    for (const event_id of batch.release) book.release(event_id);
    const outcomes = batch.claim.map((event) => book.claim(event));
    return { outcomes, writes: { entries: book.entries, pending: book.pending } };
  }

  /** As `VersionClaims.foresee` says. */
  static foresee(event: EventClaims, maps: ClaimMaps, now_ms: number): ClaimOutcome | undefined {
    const book = new ClaimBook(maps, now_ms);
    const outcome = combine(judgeAll(event, (key) => book.judgeable(key), now_ms));
    return outcome.kind === 'pending' || (outcome.kind === 'claimed' && outcome.is_held) ? undefined : outcome;
  }

  private claim(event: EventClaims): ClaimOutcome {
    const judged = judgeAll(event, (key) => this.judgeable(key), this.now_ms);
    const outcome = combine(judged);
    if (outcome.kind === 'claimed' && outcome.is_held) this.take(event, judged);
    return outcome;
  }

  private take(event: EventClaims, judged: readonly JudgedClaim[]): void {
    const taken = judged.filter(({ judgement }) => judgement !== 'agrees');
    for (const { claim, judgement } of taken) {
      if (judgement === 'mine') continue;
      const { fingerprint, answer, expires_at_ms } = claim;
      const is_addition = judgement === 'addition';
      this.entries.set(claim.key, { fingerprint, answer, expires_at_ms, event_id: event.event_id, is_addition });
    }
    this.pending.set(event.event_id, { table: event.table, keys: taken.map(({ claim }) => claim.key) });
  }

  private release(event_id: string): void {
    const held = this.pendingOf(event_id);
    if (held === undefined) return;
    for (const key of held.keys) {
      const entry = this.entryOf(key);
      // An entry that expired while it was pending may be another event's by now.
      if (entry?.event_id !== event_id) continue;
      this.entries.set(key, entry.is_addition ? { ...entry, fingerprint: '', event_id: '', is_addition: false } : undefined);
    }
    this.pending.set(event_id, undefined);
  }

  private judgeable(key: string): Entry | undefined {
    const stored = this.entryOf(key);
    if (stored === undefined) return undefined;
    const { event_id, ...entry } = stored;
    return { ...entry, pending: this.pendingOf(event_id) === undefined ? undefined : { event_id, is_own: true } };
  }

  private entryOf(key: string): StoredEntry | undefined {
    return this.entries.has(key) ? this.entries.get(key) : this.maps.entry(key);
  }

  private pendingOf(event_id: string): StoredPending | undefined {
    if (event_id === '') return undefined;
    return this.pending.has(event_id) ? this.pending.get(event_id) : this.maps.pending(event_id);
  }
}

/** The order in which `VersionClaims.pending` lists. */
export function byEventId(left: PendingEvent, right: PendingEvent): number {
  return left.event_id < right.event_id ? -1 : 1;
}

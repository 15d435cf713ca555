/** A registry in memory that can be away, slow, or lose its answers: the port `VersionClaims` for tests. */
import { OperatingError } from '../../src/contract/errors.ts';
import type { ClaimBatch, ClaimOutcome, PendingEvent, VersionClaims } from '../../src/contract/version_claims.ts';
import { byEventId, ClaimBook, type StoredEntry, type StoredPending } from '../../src/registry/claim_book.ts';

export class MemoryClaims implements VersionClaims {
  readonly entries = new Map<string, StoredEntry>();
  readonly held = new Map<string, StoredPending>();
  readonly batches: ClaimBatch[] = [];
  /** Nothing is done, and said so. */
  is_away = false;
  /** What is done is not said: the next commit takes effect and rejects. */
  loses_answer = false;
  /** Commits wait for it. */
  pause: Promise<void> = Promise.resolve();

  async open(): Promise<void> {
    this.refuseIfAway();
  }

  async commit(batch: ClaimBatch): Promise<readonly ClaimOutcome[]> {
    await this.pause;
    this.refuseIfAway();
    this.batches.push(batch);
    const { outcomes, writes } = ClaimBook.apply(batch, {
      entry: (key) => this.entries.get(key),
      pending: (event_id) => this.held.get(event_id),
    });
    for (const [key, entry] of writes.entries) put(this.entries, key, entry);
    for (const [event_id, held] of writes.pending) put(this.held, event_id, held);
    if (this.loses_answer) {
      this.loses_answer = false;
      throw unavailable();
    }
    return outcomes;
  }

  async pending(after_event_id: string, limit: number): Promise<readonly PendingEvent[]> {
    this.refuseIfAway();
    const events = [...this.held].map(([event_id, { table }]) => ({ event_id, table })).sort(byEventId);
    return events.filter(({ event_id }) => event_id > after_event_id).slice(0, limit);
  }

  async sweep(now_ms: number, limit: number): Promise<number> {
    this.refuseIfAway();
    const expired = [...this.entries].filter(([, { expires_at_ms }]) => expires_at_ms !== undefined && expires_at_ms <= now_ms);
    for (const [key] of expired.slice(0, limit)) this.entries.delete(key);
    return Math.min(expired.length, limit);
  }

  async close(): Promise<void> {}

  private refuseIfAway(): void {
    if (this.is_away) throw unavailable();
  }
}

function unavailable(): OperatingError {
  return new OperatingError('registry_unavailable', { reason: 'injected' });
}

function put<Value>(map: Map<string, Value>, key: string, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

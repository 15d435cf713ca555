/**
 * The fleet's registry: claims in PostgreSQL, where a unique key decides between daemons.
 *
 * In the common case one statement takes what is free and reads what is not: one round trip. A second is needed to take over an entry that has expired or
 * to add a commit to a version, and another to give back what an event took that could not get all. Whatever is cut off in between is pending in this
 * instance's name, and is claimed again under the same event, or released: so nothing is ever half-stored.
 */

import type { ClaimBatch, ClaimOutcome, EventClaims, KeyClaim, PendingEvent, VersionClaims } from '../../contract/version_claims.ts';
import { combine, type Entry, type JudgedClaim, judgeAll } from '../judgement.ts';
import { Connections } from './connections.ts';
import { parseRow, type Row } from './row.ts';
import { CLAIM, CONFIRM, CREATE_TABLE, PENDING, RELEASE, SWEEP, TABLE_EXISTS, TAKE_OVER } from './statements.ts';

const FIRST_UUID = '00000000-0000-0000-0000-000000000000';

/** A key that an event wants to have. */
interface Wish {
  readonly event: EventClaims;
  readonly claim: KeyClaim;
}

export class PostgresClaims implements VersionClaims {
  private readonly connections: Connections;

  /**
   * @param url `postgres://…`
   * @param identity UUID of this data directory, read when it is needed: what is pending in its name is settled by its starts only
   */
  constructor(
    url: string,
    private readonly identity: { readonly instance_id: string },
  ) {
    this.connections = new Connections(url);
  }

  async open(): Promise<void> {
    const { rows } = await this.connections.query(TABLE_EXISTS, []);
    if (rows[0]?.['is_there'] !== true) await this.connections.script(CREATE_TABLE);
  }

  async commit(batch: ClaimBatch): Promise<readonly ClaimOutcome[]> {
    if (batch.release.length > 0) await this.connections.query(RELEASE, [batch.release]);
    // Together: the records of the events to confirm are durable, so that claims may count on them before the table says so.
    const [outcomes] = await Promise.all([
      this.claim(batch),
      batch.confirm.length > 0 ? this.connections.query(CONFIRM, [batch.confirm]) : undefined,
    ]);
    return outcomes;
  }

  async pending(after_event_id: string, limit: number): Promise<readonly PendingEvent[]> {
    const after = after_event_id === '' ? FIRST_UUID : after_event_id;
    const { rows } = await this.connections.query(PENDING, [this.identity.instance_id, after, limit]);
    return rows.map((row) => ({ event_id: String(row['event_id']), table: String(row['event_table']) }));
  }

  async sweep(now_ms: number, limit: number): Promise<number> {
    return (await this.connections.query(SWEEP, [Math.floor(now_ms), limit])).count;
  }

  close(): Promise<void> {
    return this.connections.close();
  }

  private async claim(batch: ClaimBatch): Promise<readonly ClaimOutcome[]> {
    const wishes = batch.claim.flatMap((event) => event.keys.map((claim) => ({ event, claim })));
    if (wishes.length === 0) return batch.claim.map(() => ({ kind: 'claimed', is_held: false }));
    const { rows } = await this.connections.query(CLAIM, [this.identity.instance_id, ...columnsOf(wishes)]);
    const confirmed = new Set(batch.confirm);
    const entries = new Map(rows.map(parseRow).map((row) => [row.key, this.entryOf(row, confirmed)]));
    await this.takeOver(batch, entries);
    const judged = batch.claim.map((event) => judgeAll(event, (key) => entries.get(key), batch.now_ms));
    const outcomes = judged.map(outcomeOf);
    await this.giveBack(batch.claim.filter((_, index) => outcomes[index]?.kind !== 'claimed' && isHolding(judged[index])));
    return outcomes;
  }

  /** Whoever is first in the batch may try; what comes of it stands in `entries`. */
  private async takeOver(batch: ClaimBatch, entries: Map<string, Entry>): Promise<void> {
    const wishes = new Map<string, Wish>();
    for (const event of batch.claim) {
      for (const { claim, entry, judgement } of judgeAll(event, (key) => entries.get(key), batch.now_ms)) {
        const is_possible = judgement === 'addition' || (judgement === 'free' && entry !== undefined);
        if (is_possible && !wishes.has(claim.key)) wishes.set(claim.key, { event, claim });
      }
    }
    if (wishes.size === 0) return;
    const parameters = [this.identity.instance_id, ...columnsOf([...wishes.values()]), Math.floor(batch.now_ms)];
    const { rows } = await this.connections.query(TAKE_OVER, parameters);
    const taken = new Set(rows.map((row) => String(row['key'])));
    for (const [key, { event, claim }] of wishes) {
      const { fingerprint, answer, expires_at_ms } = claim;
      const is_addition = expires_at_ms === undefined;
      const pending = { event_id: event.event_id, is_own: true };
      if (taken.has(key)) entries.set(key, { fingerprint, answer, expires_at_ms, pending, is_addition });
      else entries.delete(key);
    }
  }

  private async giveBack(events: readonly EventClaims[]): Promise<void> {
    if (events.length > 0) await this.connections.query(RELEASE, [events.map(({ event_id }) => event_id)]);
  }

  private entryOf(row: Row, confirmed: ReadonlySet<string>): Entry {
    const { fingerprint, answer, expires_at_ms, event_id, is_addition } = row;
    const is_pending = event_id !== undefined && !confirmed.has(event_id);
    const pending = is_pending ? { event_id, is_own: row.instance_id === this.identity.instance_id } : undefined;
    return { fingerprint, answer, expires_at_ms, pending, is_addition: is_pending && is_addition };
  }
}

function isHolding(judged: readonly JudgedClaim[] | undefined): boolean {
  return judged?.some(({ judgement }) => judgement === 'mine') === true;
}

/** A key that is neither free nor in anybody's hands was taken by another daemon this moment. */
function outcomeOf(judged: readonly JudgedClaim[]): ClaimOutcome {
  const outcome = combine(judged);
  if (outcome.kind !== 'claimed') return outcome;
  const is_complete = judged.every(({ judgement }) => judgement === 'mine' || judgement === 'agrees');
  return is_complete ? outcome : { kind: 'pending', event_id: undefined };
}

/** The parameters $2 to $8 of a claim. */
function columnsOf(wishes: readonly Wish[]): unknown[] {
  return [
    wishes.map(({ claim }) => claim.key),
    wishes.map(({ claim }) => claim.fingerprint),
    wishes.map(({ claim }) => Buffer.from(claim.answer)),
    wishes.map(({ claim }) => (claim.expires_at_ms === undefined ? null : Math.ceil(claim.expires_at_ms))),
    wishes.map(({ event }) => event.event_id),
    wishes.map(({ event }) => event.table),
    wishes.map(({ claim }) => claim.label),
  ];
}

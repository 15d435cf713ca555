/**
 * The rules by which a claim is held against an entry, for every store alike. Pure.
 *
 * A confirmed version without a commit gets one once, by an event that carries it: until that event is decided the entry stays what it was for events
 * without a commit, and is undecided for those with one.
 */
import type { ClaimOutcome, EventClaims, KeyClaim } from '../contract/version_claims.ts';

/** An entry as it stands. */
export interface Entry {
  readonly fingerprint: string;
  readonly answer: string;
  readonly expires_at_ms: number | undefined;
  /** In whose name it is pending; undefined once confirmed. */
  readonly pending: { readonly event_id: string; readonly is_own: boolean } | undefined;
  /** The pending event only added the fingerprint; the entry itself is confirmed. */
  readonly is_addition: boolean;
}

/**
 * - `free`: take it; `mine`: it is pending for this very event; `addition`: add the fingerprint to what is confirmed
 * - `agrees`: confirmed and equal; `differs`: confirmed and not equal; `pending`: undecided
 */
export type Judgement = 'free' | 'mine' | 'addition' | 'agrees' | 'differs' | 'pending';

export function judge(entry: Entry | undefined, claim: KeyClaim, event_id: string, now_ms: number): Judgement {
  if (entry === undefined || (entry.expires_at_ms !== undefined && entry.expires_at_ms <= now_ms)) return 'free';
  if (entry.pending?.event_id === event_id) return 'mine';
  const is_confirmed = entry.pending === undefined || (entry.is_addition && claim.fingerprint === '');
  if (!is_confirmed) return 'pending';
  if (claim.fingerprint === '' || claim.fingerprint === entry.fingerprint) return 'agrees';
  return claim.is_shared && entry.fingerprint === '' ? 'addition' : 'differs';
}

export interface JudgedClaim {
  readonly claim: KeyClaim;
  readonly entry: Entry | undefined;
  readonly judgement: Judgement;
}

/**
 * What the judgements of one event's claims come to. A repeat is a repeat whatever else it claims, and a conflict will not go away by waiting; so these
 * come before what is undecided.
 */
export function combine(judged: readonly JudgedClaim[]): ClaimOutcome {
  const repeated = judged.findIndex(({ claim, judgement }) => judgement === 'agrees' && !claim.is_shared);
  if (repeated !== -1) return { kind: 'repeated', claim: repeated, answer: judged[repeated]?.entry?.answer ?? '' };
  const different = judged.findIndex(({ judgement }) => judgement === 'differs');
  if (different !== -1) return { kind: 'conflict', claim: different };
  const undecided = judged.find(({ judgement }) => judgement === 'pending')?.entry?.pending;
  if (undecided !== undefined) return { kind: 'pending', event_id: undecided.is_own ? undecided.event_id : undefined };
  return { kind: 'claimed', is_held: judged.some(({ judgement }) => judgement !== 'agrees') };
}

/** Judges all claims of an event against what `entryOf` finds. */
export function judgeAll(event: EventClaims, entry_of: (key: string) => Entry | undefined, now_ms: number): JudgedClaim[] {
  return event.keys.map((claim) => {
    const entry = entry_of(claim.key);
    return { claim, entry, judgement: judge(entry, claim, event.event_id, now_ms) };
  });
}

/**
 * Claims as a registry keeps them: a version belongs to one commit, an Idempotency-Key to one body, a delivery to one row.
 *
 * All three are the same thing to a registry, an entry under a key that the first event takes and later ones are held against; so one port keeps them, named
 * after the claim that it is there for. An entry is taken in two steps. First it is *pending*, in the name of one event: durable, but not yet true. Once
 * that event's record is durable in the spool it is *confirmed*, or else *released*. Between the two a crash is resolved by the spool: the record with
 * the event's id is the proof.
 *
 * Implementations: `registry/lmdb` (embedded) and `registry/postgres` (a fleet), held to `test/contract/version_claims.test.ts`.
 */

/** One entry that an event needs to have, or to agree with. */
export interface KeyClaim {
  /** What is claimed, in at most 100 printable characters of ASCII: whatever clients put into names, a key is short and plain. */
  readonly key: string;
  /** Digest that must equal the entry's; empty when the event carries nothing to compare. */
  readonly fingerprint: string;
  /** What the event is answered, for its repeats; empty where nobody asks for it. */
  readonly answer: string;
  /** When the entry may be forgotten; undefined: never. */
  readonly expires_at_ms: number | undefined;
  /** Whether many events may stand behind the entry (a version), or one only and the others are its repeats. */
  readonly is_shared: boolean;
  /** For a person who looks into the database; decides nothing. */
  readonly label: string;
}

/** All that one event claims: it gets all of it or nothing. */
export interface EventClaims {
  readonly event_id: string;
  /** Where its row goes, and so in whose segments a start looks for it. */
  readonly table: string;
  readonly keys: readonly KeyClaim[];
}

export type ClaimOutcome =
  /** `is_held`: an entry is pending in its name now, to be confirmed or released. Otherwise it agrees with what is confirmed already. */
  | { readonly kind: 'claimed'; readonly is_held: boolean }
  /** `keys[claim]` is another event's, with the same fingerprint; this is what that one was answered. */
  | { readonly kind: 'repeated'; readonly claim: number; readonly answer: string }
  /** `keys[claim]` is another event's, with another fingerprint. */
  | { readonly kind: 'conflict'; readonly claim: number }
  /** Another event's claim is undecided: that of `event_id` of this instance, or (undefined) of somebody else. Ask again when it is decided. */
  | { readonly kind: 'pending'; readonly event_id: string | undefined };

/** What is made durable together. To confirm or release what is unknown, or done already, is no error. */
export interface ClaimBatch {
  /** Ids of events whose record is durable. */
  readonly confirm: readonly string[];
  /** Ids of events that were not stored. */
  readonly release: readonly string[];
  /** Judged in this order, after the two others took effect. */
  readonly claim: readonly EventClaims[];
  readonly now_ms: number;
}

export interface PendingEvent {
  readonly event_id: string;
  readonly table: string;
}

/**
 * A registry, opened in the name of one instance (one data directory). Every method rejects with `registry_unavailable` while the store cannot be reached;
 * then it may or may not have taken effect, and can be called again with the same arguments.
 */
export interface VersionClaims {
  /** Makes what the store needs. Before anything else; may be called again after it failed. */
  open(): Promise<void>;
  /** Resolves when all of it is durable; one outcome for each of `batch.claim`. */
  commit(batch: ClaimBatch): Promise<readonly ClaimOutcome[]>;
  /**
   * What would become of the event if nothing had to be written for it, for stores that can say so at once: it is true to what is
   * confirmed, which never changes, or never will be. Undefined: ask `commit`. Throws as `commit` rejects.
   *
   * @param isStored whether the record of an event of this instance is durable, which is as good as confirmed
   */
  foresee?(event: EventClaims, now_ms: number, is_stored: (event_id: string) => boolean): ClaimOutcome | undefined;
  /** At most `limit` events of this instance that are neither confirmed nor released, by id, those behind `after_event_id` first. */
  pending(after_event_id: string, limit: number): Promise<readonly PendingEvent[]>;
  /** Forgets at most `limit` entries that have expired; resolves to how many. */
  sweep(now_ms: number, limit: number): Promise<number>;
  close(): Promise<void>;
}

/** What a start asks the spool, to settle what a crash left undecided. */
export interface SpoolRecords {
  /** Which of the events stand in a segment of `table` that is not yet retired. Looks at what is on the disk. */
  holds(table: string, event_ids: ReadonlySet<string>): Promise<ReadonlySet<string>>;
}

/** What a start asks the spool after a run that did not end well. */
export interface SpoolEvents {
  /** Visits the ids of all events in segments of `table` that are not yet retired, as often as it likes. Looks at what is on the disk. */
  each(table: string, visit: (event_ids: readonly string[]) => Promise<void>): Promise<void>;
}

/** What a start asks the spool of rows whose claims may be written nowhere else. */
export interface SpoolRows {
  /**
   * Visits the rows of `table` that stand in segments which are not sealed, as many at a time as were stored together: of each row the texts of the
   * given columns. None of these segments is sealed meanwhile. What is damaged is passed over.
   */
  eachUnsealed(table: string, columns: readonly string[], visit: (rows: readonly (readonly string[])[]) => Promise<void>): Promise<void>;
}

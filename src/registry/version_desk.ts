/**
 * Versions, where this data directory alone decides about them: a request is admitted by a look into memory and one into the registry, and waits for no
 * disk but the spool's.
 *
 * The row in the spool is all the proof that a claim needs: the registry is written behind it, many versions at a time, before the row's segment is
 * sealed, and a start reads what is missing out of the segments that are not (`version_recovery.ts`).
 *
 * Events that agree need not wait for each other: a version is made by whichever of them is stored. Only one that names another commit than an undecided
 * event does waits for that one's fate. Bounded by `claims_max` versions that are undecided or unwritten; while the registry cannot be written, what
 * would have to be is refused.
 */
import { assert } from '../base/assert.ts';
import { OperatingError } from '../contract/errors.ts';
import type { Clock } from '../contract/ports.ts';
import type { KeyClaim } from '../contract/version_claims.ts';
import { type Admission, refused } from './claim_desk.ts';
import type { VersionEntry } from './claim_keys.ts';
import type { DeskLimits, DeskObserver } from './options.ts';
import { WaitingRoom } from './waiting_room.ts';
import { WriteBehind } from './write_behind.ts';

/** Where versions are kept; throws and rejects with `registry_unavailable`. */
export interface VersionStore {
  /** The fingerprint of the version's commit, empty while it has none; undefined when there is no such version. */
  fingerprintOf(key: string): string | undefined;
  /** Resolves when the entries are durable; what is there already is overwritten. */
  keep(entries: readonly KeyClaim[]): Promise<void>;
}

export interface VersionDeskPorts {
  readonly store: VersionStore;
  readonly clock: Clock;
  readonly observer: DeskObserver;
}

/** A version of which something is undecided, or not in the registry yet. */
interface Version {
  readonly key: string;
  /** As of what is stored: undefined while no event of it is. */
  fingerprint: string | undefined;
  /** Of the undecided events that name a commit, which all name the same; empty without any. */
  claimed: string;
  claimants: number;
  undecided: number;
  unwritten: number;
}

interface Held {
  readonly version: Version;
  readonly fingerprint: string;
}

interface Petition extends VersionEntry {
  readonly event_id: string;
  readonly deadline_ms: number;
  readonly started_ms: number;
  readonly resolve: (admission: Admission) => void;
}

const ADMITTED: Admission = { kind: 'admitted' };
const CONFLICT: Admission = { kind: 'conflict', claim: 0 };

/** What the registry is to keep of a version. */
export function versionClaim({ key, fingerprint }: VersionEntry): KeyClaim {
  return { key, fingerprint, answer: '', expires_at_ms: undefined, is_shared: true, label: '' };
}

export class VersionDesk {
  private readonly by_key = new Map<string, Version>();
  private readonly by_event = new Map<string, Held>();
  private readonly waiting: WaitingRoom<Petition>;
  private readonly behind: WriteBehind<Held>;
  private state: 'shut' | 'open' | 'closed' = 'shut';
  private resolve_tried: () => void = () => undefined;
  /** Resolves once it is open, or could not be opened. */
  private readonly tried = new Promise<void>((resolve) => {
    this.resolve_tried = resolve;
  });

  constructor(
    private readonly ports: VersionDeskPorts,
    private readonly limits: DeskLimits,
  ) {
    const { store, clock, observer } = ports;
    this.behind = new WriteBehind(
      {
        clock,
        observer,
        keep: (changes) => store.keep(changes.map(({ version: { key }, fingerprint }) => versionClaim({ key, fingerprint }))),
        written: ({ version }) => {
          version.unwritten--;
          this.forgetIfDone(version);
        },
      },
      limits,
    );
    this.waiting = new WaitingRoom(clock, limits.poll_ms, {
      called: (petitions) => {
        for (const petition of petitions) this.decideAgain(petition);
      },
      overdue: (petition) => this.answer(petition, refused(new OperatingError('claim_undecided'))),
    });
  }

  /** Why the registry could not be written or read the last time. */
  get problem(): OperatingError | undefined {
    return this.behind.problem;
  }

  /** From now on requests are decided: what an earlier run left is in the registry. */
  open(): void {
    this.state = 'open';
    this.behind.problem = undefined;
    this.resolve_tried();
  }

  /** It could not be opened. */
  fail(error: OperatingError): void {
    this.behind.fail(error);
    this.resolve_tried();
  }

  /** At once, or when another's fate is known; an admitted event must be settled. It claims one version. */
  admit(event_id: string, entry: VersionEntry): Admission | Promise<Admission> {
    const admission = this.decide(event_id, entry);
    if (admission !== undefined) return this.told(admission, 0);
    const started_ms = this.ports.clock.monotonicMs();
    return new Promise((resolve) => {
      this.waiting.add({ ...entry, event_id, started_ms, deadline_ms: started_ms + this.limits.wait_ms_max, resolve }, entry.key);
    });
  }

  settle(event_id: string, is_stored: boolean): void {
    const held = this.by_event.get(event_id);
    if (held === undefined) return;
    this.by_event.delete(event_id);
    const { version, fingerprint } = held;
    version.undecided--;
    if (is_stored && (version.fingerprint === undefined || (version.fingerprint === '' && fingerprint !== ''))) {
      version.fingerprint = fingerprint;
      version.unwritten++;
      this.behind.add(held);
    }
    if (fingerprint !== '') {
      version.claimants--;
      if (version.claimants === 0) version.claimed = '';
      if (is_stored || version.claimants === 0) this.waiting.decided(version.key);
    }
    this.forgetIfDone(version);
  }

  /** Resolves when all that is stored by now is in the registry, however long it cannot be written. */
  flush(): Promise<void> {
    return this.behind.flush();
  }

  /** The same for who would rather come back later: rejects with why it cannot be now. A start's first look into the spool is waited for. */
  async flushNow(): Promise<void> {
    await this.tried;
    if (this.state === 'shut') throw this.problem ?? new OperatingError('registry_unavailable', { reason: 'it was not reached yet' });
    await this.behind.flushNow();
  }

  /** Refuses who still waits, and writes what is settled if it can be written; the rest is left to the next start. */
  async close(): Promise<void> {
    this.state = 'closed';
    this.waiting.clear();
    await this.behind.close();
  }

  private decideAgain(petition: Petition): void {
    const admission = this.decide(petition.event_id, petition);
    if (admission === undefined) this.waiting.add(petition, petition.key);
    else this.answer(petition, admission);
  }

  /** Undefined: it depends on an undecided event. */
  private decide(event_id: string, { key, fingerprint }: VersionEntry): Admission | undefined {
    const refusal = this.refusal();
    if (refusal !== undefined) return refused(refusal);
    const known = this.by_key.get(key);
    const stored = known === undefined ? this.read(key) : known.fingerprint;
    if (stored instanceof OperatingError) return refused(stored);
    if (stored !== undefined && (fingerprint === '' || fingerprint === stored)) return ADMITTED;
    if (stored !== undefined && stored !== '') return CONFLICT;
    if (known !== undefined && fingerprint !== '' && known.claimed !== '' && known.claimed !== fingerprint) return undefined;
    return this.hold(event_id, known ?? this.begin(key, stored), fingerprint);
  }

  private hold(event_id: string, version: Version, fingerprint: string): Admission {
    const problem = this.behind.problem ?? (this.by_key.size > this.limits.claims_max ? new OperatingError('overloaded') : undefined);
    if (problem !== undefined) {
      this.forgetIfDone(version);
      return refused(problem);
    }
    assert(!this.by_event.has(event_id), 'BUG: an event claims twice');
    this.by_event.set(event_id, { version, fingerprint });
    version.undecided++;
    if (fingerprint !== '') {
      version.claimed = fingerprint;
      version.claimants++;
    }
    return ADMITTED;
  }

  private begin(key: string, fingerprint: string | undefined): Version {
    const version = { key, fingerprint, claimed: '', claimants: 0, undecided: 0, unwritten: 0 };
    this.by_key.set(key, version);
    return version;
  }

  private read(key: string): string | OperatingError | undefined {
    try {
      return this.ports.store.fingerprintOf(key);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.behind.fail(error);
      return error;
    }
  }

  private forgetIfDone({ key, undecided, unwritten }: Version): void {
    if (undecided === 0 && unwritten === 0) this.by_key.delete(key);
  }

  private refusal(): OperatingError | undefined {
    if (this.state === 'open') return undefined;
    if (this.state === 'closed') return new OperatingError('shutting_down');
    return this.problem ?? new OperatingError('registry_unavailable', { reason: 'the spool is still looked through' });
  }

  private answer({ started_ms, resolve }: Petition, admission: Admission): void {
    resolve(this.told(admission, this.ports.clock.monotonicMs() - started_ms));
  }

  private told(admission: Admission, wait_ms: number): Admission {
    this.ports.observer.decided(admission.kind === 'refused' ? admission.error.code : admission.kind, wait_ms);
    return admission;
  }
}

/**
 * Deliveries, which this data directory alone decides about: a request is admitted by a look into memory and one into the registry, and
 * waits for no disk but the spool's.
 *
 * The record in the spool is all the proof that a delivery needs: it is written into the registry behind it, many at a time, before its
 * segment goes, and a start after a crash takes what is in the spool for delivered (`delivery_recovery.ts`). A second request for a
 * delivery that is not yet durable waits for its fate.
 *
 * Bounded by `claims_max` deliveries that the registry does not know yet; a registry that cannot be written refuses beyond that.
 */
import { OperatingError } from '../contract/errors.ts';
import type { Clock } from '../contract/ports.ts';
import type { ClaimBatch, EventClaims, KeyClaim } from '../contract/version_claims.ts';
import { type Admission, refused } from './claim_desk.ts';
import type { DeskLimits, DeskObserver } from './options.ts';
import { WaitingRoom } from './waiting_room.ts';
import { WriteBehind } from './write_behind.ts';

/** Where deliveries are kept; `registry_unavailable` when it cannot be. */
export interface DeliveryStore {
  /** Whether an entry that has not expired stands under the key. */
  isTaken(key: string, now_ms: number): boolean;
  /** Resolves when the entries are durable; what is there already is overwritten. */
  keep(entries: readonly KeyClaim[]): Promise<void>;
  commit(batch: ClaimBatch): Promise<unknown>;
}

interface DeliveryPorts {
  readonly store: DeliveryStore;
  readonly clock: Clock;
  readonly observer: DeskObserver;
}

interface Petition {
  readonly event: EventClaims;
  readonly deadline_ms: number;
  readonly started_ms: number;
  readonly resolve: (admission: Admission) => void;
}

/** A delivery that the registry does not know yet. */
interface Delivery {
  readonly event: EventClaims;
  readonly claim: KeyClaim;
  is_stored: boolean;
}

/** Until when deliveries that a start found in the spool stand under the ids of their events. */
export function recoveredKey(event_id: string): string {
  return `delivered ${event_id}`;
}

export class DeliveryDesk {
  private readonly by_key = new Map<string, Delivery>();
  private readonly by_event = new Map<string, Delivery>();
  private readonly waiting: WaitingRoom<Petition>;
  private readonly behind: WriteBehind<Delivery>;
  private state: 'shut' | 'open' | 'closed' = 'shut';
  private has_recovered = false;
  constructor(
    private readonly ports: DeliveryPorts,
    private readonly limits: DeskLimits,
  ) {
    const { store, clock, observer } = ports;
    this.behind = new WriteBehind(
      {
        clock,
        observer,
        keep: (deliveries) => store.keep(deliveries.map(({ claim }) => claim)),
        written: (delivery) => this.forget(delivery),
      },
      limits,
    );
    this.waiting = new WaitingRoom(ports.clock, limits.poll_ms, {
      called: (petitions) => {
        for (const petition of petitions) this.decide(petition);
      },
      overdue: (petition) => this.answer(petition, refused(new OperatingError('claim_undecided'))),
    });
  }

  /** Why the registry could not be written or read the last time. */
  get problem(): OperatingError | undefined {
    return this.behind.problem;
  }

  /** It could not be opened. */
  fail(error: OperatingError): void {
    this.behind.fail(error);
  }

  /** @param has_recovered whether deliveries may stand under the ids of their events as well */
  open(has_recovered: boolean): void {
    this.state = 'open';
    this.behind.problem = undefined;
    this.has_recovered = has_recovered;
  }

  /** At once, or when another's fate is known; an admitted event must be settled. It claims one delivery. */
  admit(event: EventClaims): Admission | Promise<Admission> {
    const started_ms = this.ports.clock.monotonicMs();
    const [claim] = event.keys;
    const known = this.by_key.get(claim.key);
    if (known === undefined || known.is_stored) return this.told(known === undefined ? this.judge(event, claim) : REPEATED, 0);
    return new Promise((resolve) => {
      this.decide({ event, deadline_ms: started_ms + this.limits.wait_ms_max, started_ms, resolve });
    });
  }

  settle(event_id: string, is_stored: boolean): void {
    const delivery = this.by_event.get(event_id);
    if (delivery === undefined) return;
    if (is_stored) {
      delivery.is_stored = true;
      this.behind.add(delivery);
    } else {
      this.forget(delivery);
    }
    this.waiting.decided(event_id);
  }

  /** Resolves when all that is stored by now is in the registry, however long it cannot be written. */
  flush(): Promise<void> {
    return this.behind.flush();
  }

  /**
   * Refuses who still waits, and writes what is settled if it can be written; what is not settled is left to the next start. Resolves to
   * whether nothing is left to it.
   */
  async close(): Promise<boolean> {
    this.state = 'closed';
    this.waiting.clear();
    await this.behind.close();
    const undecided = [...this.by_key.values()].filter(({ is_stored }) => !is_stored).map(({ event }) => event);
    if (undecided.length > 0) await this.leave(undecided);
    return this.by_key.size === 0;
  }

  private decide(petition: Petition): void {
    const { event } = petition;
    const [claim] = event.keys;
    const known = this.by_key.get(claim.key);
    if (known !== undefined && !known.is_stored) this.waiting.add(petition, known.event.event_id);
    else this.answer(petition, known === undefined ? this.judge(event, claim) : REPEATED);
  }

  private judge(event: EventClaims, claim: KeyClaim): Admission {
    const refusal = this.refusal();
    if (refusal !== undefined) return refused(refusal);
    const { store, clock } = this.ports;
    try {
      const now_ms = clock.nowMs();
      if (store.isTaken(claim.key, now_ms)) return REPEATED;
      if (this.has_recovered && store.isTaken(recoveredKey(event.event_id), now_ms)) return REPEATED;
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.fail(error);
      return refused(error);
    }
    const delivery = { event, claim, is_stored: false };
    this.by_key.set(claim.key, delivery);
    this.by_event.set(event.event_id, delivery);
    return { kind: 'admitted' };
  }

  private refusal(): OperatingError | undefined {
    if (this.state === 'closed') return new OperatingError('shutting_down');
    if (this.state === 'shut') return new OperatingError('registry_unavailable', { reason: 'the spool is still looked through' });
    return this.by_key.size >= this.limits.claims_max ? (this.problem ?? new OperatingError('overloaded')) : undefined;
  }

  /** Claims them as pending: the next start asks the spool. */
  private async leave(undecided: readonly EventClaims[]): Promise<void> {
    const { store, clock } = this.ports;
    try {
      await store.commit({ confirm: [], release: [], claim: undecided, now_ms: clock.nowMs() });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.fail(error);
    }
  }

  private forget({ claim, event }: Delivery): void {
    this.by_key.delete(claim.key);
    this.by_event.delete(event.event_id);
  }

  private answer({ started_ms, resolve }: Petition, admission: Admission): void {
    resolve(this.told(admission, this.ports.clock.monotonicMs() - started_ms));
  }

  private told(admission: Admission, wait_ms: number): Admission {
    this.ports.observer.decided(admission.kind === 'refused' ? admission.error.code : admission.kind, wait_ms);
    return admission;
  }
}

/** Who claims a delivery knows what a repeat is answered. */
const REPEATED: Admission = { kind: 'repeated', claim: 0, answer: '' };

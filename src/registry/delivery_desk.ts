/**
 * Deliveries, which this data directory alone decides about: a request is admitted by a look into memory, and waits for no disk but the spool's. A
 * delivery is its event's id, which is made of the organization and of what it was sent.
 *
 * The record in the spool is all the proof that a delivery needs: it is written into the registry behind it, many at a time, before its
 * segment goes, and a start after a crash takes what is in the spool for delivered (`delivery_recovery.ts`). A second request for a
 * delivery that is not yet durable waits for its fate.
 *
 * Bounded by `claims_max` deliveries that the registry does not know yet; a registry that cannot be written refuses beyond that.
 */
import { OperatingError } from '../contract/errors.ts';
import type { Clock } from '../contract/ports.ts';
import { type Admission, refused } from './claim_desk.ts';
import type { DeskLimits, DeskObserver } from './options.ts';
import { WaitingRoom } from './waiting_room.ts';
import { WriteBehind } from './write_behind.ts';

/** What a request claims that brings a delivery. */
export interface DeliveryClaim {
  /** Text of a UUID, in lower case. */
  readonly event_id: string;
  readonly organization_id: string;
  /** By what an earlier program knew it. */
  readonly key: string;
}

/** Where deliveries are kept; throws, and rejects with, `registry_unavailable`. */
export interface DeliveryStore {
  /** Whether an event of this id was delivered, and is not forgotten. */
  has(event_id: string): boolean;
  /** Resolves when they are durable. What is kept already had better not come again. */
  keep(event_ids: readonly string[], now_ms: number): Promise<void>;
}

interface DeliveryPorts {
  readonly store: DeliveryStore;
  readonly earlier: { has(claim: DeliveryClaim, now_ms: number): boolean };
  readonly clock: Clock;
  readonly observer: DeskObserver;
}

interface Petition {
  readonly claim: DeliveryClaim;
  readonly deadline_ms: number;
  readonly started_ms: number;
  readonly resolve: (admission: Admission) => void;
}

/** What became of a delivery that the registry does not know yet. */
type Fate = 'undecided' | 'stored';

export class DeliveryDesk {
  /** By event. */
  private readonly unknown = new Map<string, Fate>();
  private readonly waiting: WaitingRoom<Petition>;
  private readonly behind: WriteBehind<string>;
  private state: 'shut' | 'open' | 'closed' = 'shut';
  constructor(
    private readonly ports: DeliveryPorts,
    private readonly limits: DeskLimits,
  ) {
    const { store, clock, observer } = ports;
    this.behind = new WriteBehind(
      {
        clock,
        observer,
        keep: (event_ids) => store.keep(event_ids, clock.nowMs()),
        written: (event_id) => this.unknown.delete(event_id),
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

  open(): void {
    this.state = 'open';
    this.behind.problem = undefined;
  }

  /** At once, or when another's fate is known; an admitted event must be settled. */
  admit(claim: DeliveryClaim): Admission | Promise<Admission> {
    const fate = this.unknown.get(claim.event_id);
    if (fate === undefined) return this.told(this.judge(claim), 0);
    if (fate === 'stored') return this.told(REPEATED, 0);
    const started_ms = this.ports.clock.monotonicMs();
    return new Promise((resolve) => {
      this.decide({ claim, deadline_ms: started_ms + this.limits.wait_ms_max, started_ms, resolve });
    });
  }

  settle(event_id: string, is_stored: boolean): void {
    if (is_stored) {
      this.unknown.set(event_id, 'stored');
      this.behind.add(event_id);
    } else {
      this.unknown.delete(event_id);
    }
    this.waiting.decided(event_id);
  }

  /** Resolves when all that is stored by now is in the registry, however long it cannot be written. */
  flush(): Promise<void> {
    return this.behind.flush();
  }

  /**
   * Refuses who still waits, and writes what is settled if it can be written. Resolves to whether that is all: what is not is left to the
   * next start, which then looks through the spool.
   */
  async close(): Promise<boolean> {
    this.state = 'closed';
    this.waiting.clear();
    await this.behind.close();
    return this.unknown.size === 0;
  }

  private decide(petition: Petition): void {
    const { claim } = petition;
    const fate = this.unknown.get(claim.event_id);
    if (fate === 'undecided') this.waiting.add(petition, claim.event_id);
    else this.answer(petition, fate === 'stored' ? REPEATED : this.judge(claim));
  }

  private judge(claim: DeliveryClaim): Admission {
    const refusal = this.refusal();
    if (refusal !== undefined) return refused(refusal);
    const { store, earlier, clock } = this.ports;
    try {
      if (store.has(claim.event_id) || earlier.has(claim, clock.nowMs())) return REPEATED;
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.fail(error);
      return refused(error);
    }
    this.unknown.set(claim.event_id, 'undecided');
    return ADMITTED;
  }

  private refusal(): OperatingError | undefined {
    if (this.state === 'closed') return new OperatingError('shutting_down');
    if (this.state === 'shut') return new OperatingError('registry_unavailable', { reason: 'the spool is still looked through' });
    return this.unknown.size >= this.limits.claims_max ? (this.problem ?? new OperatingError('overloaded')) : undefined;
  }

  private answer({ started_ms, resolve }: Petition, admission: Admission): void {
    resolve(this.told(admission, this.ports.clock.monotonicMs() - started_ms));
  }

  private told(admission: Admission, wait_ms: number): Admission {
    this.ports.observer.decided(admission.kind === 'refused' ? admission.error.code : admission.kind, wait_ms);
    return admission;
  }
}

const ADMITTED: Admission = { kind: 'admitted' };
/** Who claims a delivery knows what a repeat is answered. */
const REPEATED: Admission = { kind: 'repeated', claim: 0, answer: '' };

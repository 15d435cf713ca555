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
import type { Clock, Timer } from '../contract/ports.ts';
import type { ClaimBatch, EventClaims, KeyClaim } from '../contract/version_claims.ts';
import type { Admission } from './claim_desk.ts';
import type { DeskLimits, DeskObserver } from './options.ts';
import { WaitingRoom } from './waiting_room.ts';

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
  /** Durable, in the order in which they became so. */
  private unwritten: Delivery[] = [];
  private stored_count = 0;
  private written_count = 0;
  private flushes: { readonly count: number; readonly resolve: () => void }[] = [];
  private writing: Promise<void> | undefined;
  private timer: Timer | undefined;
  private state: 'shut' | 'open' | 'closed' = 'shut';
  private has_recovered = false;
  /** Why the registry could not be written or read the last time. */
  problem: OperatingError | undefined;

  constructor(
    private readonly ports: DeliveryPorts,
    private readonly limits: DeskLimits,
  ) {
    this.waiting = new WaitingRoom(ports.clock, limits.poll_ms, {
      called: (petitions) => {
        for (const petition of petitions) this.decide(petition);
      },
      overdue: (petition) => this.answer(petition, refused(new OperatingError('claim_undecided'))),
    });
  }

  /** @param has_recovered whether deliveries may stand under the ids of their events as well */
  open(has_recovered: boolean): void {
    this.state = 'open';
    this.has_recovered = has_recovered;
  }

  /** Resolves once it is decided; an admitted event must be settled. It claims one delivery. */
  admit(event: EventClaims): Promise<Admission> {
    const started_ms = this.ports.clock.monotonicMs();
    return new Promise((resolve) => {
      this.decide({ event, deadline_ms: started_ms + this.limits.wait_ms_max, started_ms, resolve });
    });
  }

  settle(event_id: string, is_stored: boolean): void {
    const delivery = this.by_event.get(event_id);
    if (delivery === undefined) return;
    if (is_stored) {
      delivery.is_stored = true;
      this.unwritten.push(delivery);
      this.stored_count++;
      if (this.unwritten.length >= this.limits.batch_max) this.write();
      else this.writeWithin(this.limits.write_delay_ms);
    } else {
      this.forget(delivery);
    }
    this.waiting.decided(event_id);
  }

  /** Resolves when all that is stored by now is in the registry, however long it cannot be written. */
  flush(): Promise<void> {
    if (this.written_count === this.stored_count) return Promise.resolve();
    return new Promise((resolve) => {
      this.flushes.push({ count: this.stored_count, resolve });
      this.write();
    });
  }

  /**
   * Refuses who still waits, and writes what is settled if it can be written; what is not settled is left to the next start. Resolves to
   * whether nothing is left to it.
   */
  async close(): Promise<boolean> {
    this.state = 'closed';
    this.waiting.clear();
    this.write();
    await this.writing;
    this.timer?.cancel();
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

  private writeWithin(delay_ms: number): void {
    if (this.state !== 'closed') this.timer ??= this.ports.clock.schedule(delay_ms, () => this.write());
  }

  private write(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined;
    });
  }

  private async writeAll(): Promise<void> {
    const { store, clock, observer } = this.ports;
    while (this.unwritten.length > 0) {
      const batch = this.unwritten.slice(0, this.limits.batch_max);
      const started_ms = clock.monotonicMs();
      try {
        await store.keep(batch.map(({ claim }) => claim));
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        this.fail(error);
        this.writeWithin(this.limits.retry_ms);
        return;
      }
      this.problem = undefined;
      observer.committed(batch.length, clock.monotonicMs() - started_ms);
      this.written(batch);
    }
  }

  private written(batch: readonly Delivery[]): void {
    this.unwritten = this.unwritten.slice(batch.length);
    this.written_count += batch.length;
    for (const delivery of batch) this.forget(delivery);
    this.flushes = this.flushes.filter(({ count, resolve }) => {
      if (count <= this.written_count) resolve();
      return count > this.written_count;
    });
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

  private fail(error: OperatingError): void {
    this.problem = error;
    this.ports.observer.failed(error);
  }

  private answer({ started_ms, resolve }: Petition, admission: Admission): void {
    const outcome = admission.kind === 'refused' ? admission.error.code : admission.kind;
    this.ports.observer.decided(outcome, this.ports.clock.monotonicMs() - started_ms);
    resolve(admission);
  }
}

/** Who claims a delivery knows what a repeat is answered. */
const REPEATED: Admission = { kind: 'repeated', claim: 0, answer: '' };

function refused(error: OperatingError): Admission {
  return { kind: 'refused', error };
}

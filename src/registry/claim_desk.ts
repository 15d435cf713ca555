/**
 * Claims of many requests at once, on one registry: gathers those that arrive together into one durable commit, lets requests that meet an undecided claim
 * wait for its fate, and writes the fates of settled events along with later claims.
 *
 * One commit at a time: whatever arrives meanwhile shares the next. Bounded in requests (`claims_max`, beyond it `overloaded`) and in time (`wait_ms_max`,
 * then `claim_undecided`). While the registry cannot be reached requests are refused with `registry_unavailable`, settled events are kept and written
 * when it can.
 */
import { OperatingError } from '../contract/errors.ts';
import type { Clock, Timer } from '../contract/ports.ts';
import type { ClaimOutcome, EventClaims, VersionClaims } from '../contract/version_claims.ts';
import { HeldEvents } from './held_events.ts';
import type { DeskLimits, DeskObserver } from './options.ts';
import { WaitingRoom } from './waiting_room.ts';

export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'repeated'; readonly claim: number; readonly answer: string }
  | { readonly kind: 'conflict'; readonly claim: number }
  | { readonly kind: 'refused'; readonly error: OperatingError };

export function refused(error: OperatingError): Admission {
  return { kind: 'refused', error };
}

interface Petition {
  readonly event: EventClaims;
  readonly deadline_ms: number;
  readonly started_ms: number;
  readonly resolve: (admission: Admission) => void;
}

export interface DeskPorts {
  readonly store: VersionClaims;
  readonly clock: Clock;
  readonly observer: DeskObserver;
}

export class ClaimDesk {
  private readonly held = new HeldEvents();
  private readonly waiting: WaitingRoom<Petition>;
  private queue: Petition[] = [];
  private committing = 0;
  private running: Promise<void> | undefined;
  private write_timer: Timer | undefined;
  /** Somebody waits for settled events to be written: not even the next claim is waited for. */
  private is_write_due = false;
  private state: 'shut' | 'open' | 'closed' = 'shut';
  /** Why the registry could not be reached the last time; undefined when it could. */
  problem: OperatingError | undefined;

  constructor(
    private readonly ports: DeskPorts,
    private readonly limits: DeskLimits,
  ) {
    this.waiting = new WaitingRoom(ports.clock, limits.poll_ms, {
      called: (petitions) => this.enqueue(petitions.filter((petition) => !this.foresee(petition))),
      overdue: (petition) => this.refuse(petition, new OperatingError('claim_undecided')),
    });
  }

  /** From now on requests are decided; before, and after `close`, they are refused. */
  open(): void {
    this.state = 'open';
    this.problem = undefined;
  }

  /** Resolves once it is decided; an admitted event must be settled. */
  admit(event: EventClaims): Promise<Admission> {
    const started_ms = this.ports.clock.monotonicMs();
    return new Promise((resolve) => {
      const petition = { event, deadline_ms: started_ms + this.limits.wait_ms_max, started_ms, resolve };
      const refusal = this.refusal();
      if (refusal !== undefined) this.refuse(petition, refusal);
      else if (!this.foresee(petition)) this.enqueue([petition]);
    });
  }

  settle(event_id: string, stored: boolean): void {
    this.held.settle(event_id, stored);
    const is_awaited = this.waiting.decided(event_id);
    if (this.held.unwritten === 0) return;
    if (is_awaited || this.held.unwritten >= this.limits.batch_max) this.write();
    else this.writeWithin(this.limits.write_delay_ms);
  }

  isKnown(event_id: string): boolean {
    return this.held.isKnown(event_id);
  }

  /** Releases what stands in the registry in this instance's name for events that no request is about. */
  releaseLeftOvers(event_ids: readonly string[]): void {
    for (const event_id of event_ids) this.held.leftOver(event_id);
    if (this.held.releases > 0) this.write();
  }

  /** Resolves when all events of `table` that are stored by now are confirmed, however long the registry is away. */
  async flush(table: string): Promise<void> {
    const flushed = this.held.flush(table);
    if (flushed === undefined) return;
    this.write();
    await flushed;
  }

  /** Refuses who still waits, and writes what is settled if the registry can be reached. The store is the caller's to close. */
  async close(): Promise<void> {
    this.state = 'closed';
    this.waiting.clear();
    if (this.held.unwritten > 0) this.write();
    while (this.running !== undefined) await this.running;
    this.write_timer?.cancel();
    this.write_timer = undefined;
  }

  private refusal(): OperatingError | undefined {
    if (this.state === 'closed') return new OperatingError('shutting_down');
    if (this.state === 'shut') return this.problem ?? new OperatingError('registry_unavailable', { reason: 'it was not reached yet' });
    const count = this.queue.length + this.committing + this.waiting.count;
    return count >= this.limits.claims_max ? new OperatingError('overloaded') : undefined;
  }

  /** Whether it could be decided without a commit. */
  private foresee(petition: Petition): boolean {
    const { store, clock } = this.ports;
    const { event } = petition;
    if (store.foresee === undefined || this.held.isKnown(event.event_id)) return false;
    try {
      const outcome = store.foresee(event, clock.nowMs(), (event_id) => this.held.isStored(event_id));
      if (outcome === undefined) return false;
      this.held.claiming(event.event_id, event.table);
      this.conclude(petition, outcome);
      return true;
    } catch (error) {
      // The commit will say so too, and to everybody.
      if (error instanceof OperatingError) return false;
      throw error;
    }
  }

  private enqueue(petitions: readonly Petition[]): void {
    this.queue.push(...petitions);
    this.start();
  }

  private write(): void {
    this.is_write_due = true;
    this.start();
  }

  private writeWithin(delay_ms: number): void {
    if (this.state !== 'closed') this.write_timer ??= this.ports.clock.schedule(delay_ms, () => this.write());
  }

  /** Commits until nothing is left to do. Not at once: what else arrives in this turn comes along. */
  private start(): void {
    this.running ??= Promise.resolve()
      .then(() => this.run())
      .finally(() => {
        this.running = undefined;
        // What came in between the last look and now.
        if (this.queue.length > 0 || this.is_write_due) this.start();
      });
  }

  private async run(): Promise<void> {
    let is_reached = true;
    while (is_reached && (this.queue.length > 0 || this.is_write_due)) is_reached = await this.commit(this.takeBatch());
    if (this.held.unwritten > 0) this.writeWithin(is_reached ? this.limits.write_delay_ms : this.limits.retry_ms);
  }

  /** Only one request per event at a time: a second with the same id waits for the first. */
  private takeBatch(): Petition[] {
    this.write_timer?.cancel();
    this.write_timer = undefined;
    this.is_write_due = false;
    const batch: Petition[] = [];
    const taken = this.queue.slice(0, this.limits.batch_max);
    this.queue = this.queue.slice(this.limits.batch_max);
    for (const petition of taken) {
      const { event_id, table } = petition.event;
      if (this.held.isKnown(event_id)) {
        this.wait(petition, event_id);
      } else {
        this.held.claiming(event_id, table);
        batch.push(petition);
      }
    }
    return batch;
  }

  private async commit(petitions: readonly Petition[]): Promise<boolean> {
    const { store, clock, observer } = this.ports;
    const unwritten = this.held.unwrittenEvents();
    const started_ms = clock.monotonicMs();
    this.committing = petitions.length;
    try {
      const outcomes = await store.commit({ ...unwritten, claim: petitions.map(({ event }) => event), now_ms: clock.nowMs() });
      observer.committed(petitions.length, clock.monotonicMs() - started_ms);
      this.problem = undefined;
      this.held.written(unwritten);
      for (const event_id of unwritten.confirm) this.waiting.decided(event_id);
      for (const [index, petition] of petitions.entries()) this.conclude(petition, outcomes[index]);
      return true;
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.problem = error;
      observer.failed(error);
      for (const petition of petitions) {
        this.held.forget(petition.event.event_id);
        this.refuse(petition, error);
        this.waiting.decided(petition.event.event_id);
      }
      return false;
    } finally {
      this.committing = 0;
    }
  }

  private conclude(petition: Petition, outcome: ClaimOutcome | undefined): void {
    const { event_id } = petition.event;
    if (outcome?.kind === 'claimed') {
      this.held.admitted(event_id, outcome.is_held);
      this.answer(petition, { kind: 'admitted' });
      return;
    }
    this.held.forget(event_id);
    this.waiting.decided(event_id);
    if (outcome?.kind === 'pending') this.wait(petition, outcome.event_id);
    else if (outcome !== undefined) this.answer(petition, outcome);
  }

  private wait(petition: Petition, event_id: string | undefined): void {
    if (event_id === undefined || this.held.isKnown(event_id)) {
      this.waiting.add(petition, event_id);
      // Settled while this was asked: it is decided as soon as that is written.
      if (event_id !== undefined && this.held.isStored(event_id)) this.is_write_due = true;
      return;
    }
    // In our name, and none of our requests is about it: what a failed commit left. It goes with the next one, before the claims.
    this.held.leftOver(event_id);
    this.is_write_due = true;
    if (petition.deadline_ms > this.ports.clock.monotonicMs()) this.queue.push(petition);
    else this.refuse(petition, new OperatingError('claim_undecided'));
  }

  private refuse(petition: Petition, error: OperatingError): void {
    this.answer(petition, refused(error));
  }

  private answer(petition: Petition, admission: Admission): void {
    this.ports.observer.decided(
      admission.kind === 'refused' ? admission.error.code : admission.kind,
      this.ports.clock.monotonicMs() - petition.started_ms,
    );
    petition.resolve(admission);
  }
}

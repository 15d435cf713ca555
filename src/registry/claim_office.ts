/**
 * One registry in service: opens it, settles what an earlier run left undecided, keeps it tidy, and hands out its desk.
 *
 * The desk opens once the past is settled; until then requests are refused and no segment that may hold a proof is let go. A registry that cannot be
 * reached at the start is tried again for as long as it takes.
 */
import { AssertionError } from 'node:assert';
import { OperatingError } from '../contract/errors.ts';
import type { Timer } from '../contract/ports.ts';
import type { PendingEvent, SpoolRecords } from '../contract/version_claims.ts';
import { ClaimDesk, type DeskPorts } from './claim_desk.ts';
import type { DeskLimits } from './options.ts';

export interface OfficePorts extends DeskPorts {
  readonly records: SpoolRecords;
}

const REOPEN_MS = 1_000;
const UPKEEP_MS = 5_000;
/** Events that are settled, or entries that are forgotten, with one commit. */
const PAGE = 1_000;
/** Pages of expired entries at one upkeep: what expires faster than 4,000 a second waits. */
const SWEEPS_MAX = 20;

export class ClaimOffice {
  readonly desk: ClaimDesk;
  private timer: Timer | undefined;
  private upkeep: Promise<void> = Promise.resolve();
  private opening: Promise<void> = Promise.resolve();
  private is_closed = false;
  /** Whether the past is settled. */
  is_open = false;
  private resolve_opened: () => void = () => undefined;
  private resolve_closed: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => {
    this.resolve_opened = resolve;
  });
  private readonly closed = new Promise<void>((resolve) => {
    this.resolve_closed = resolve;
  });

  constructor(
    private readonly ports: OfficePorts,
    limits: DeskLimits,
  ) {
    this.desk = new ClaimDesk(ports, limits);
  }

  /** Tries to open; resolves when it is open or could not be reached this time, and then goes on trying. */
  start(): Promise<void> {
    this.opening = this.open().then((is_open) => {
      if (!this.is_closed) this.schedule(is_open ? UPKEEP_MS : REOPEN_MS);
    });
    return this.opening;
  }

  /**
   * Resolves when every event of `table` that is durable by now is confirmed, so that its record may go.
   *
   * @throws `shutting_down` when the office closes before
   */
  async flush(table: string): Promise<void> {
    let is_flushed = false;
    const flushed = this.opened
      .then(() => this.desk.flush(table))
      .then(() => {
        is_flushed = true;
      });
    await Promise.race([flushed, this.closed]);
    if (!is_flushed) throw new OperatingError('shutting_down');
  }

  /** Ends all waits, writes what can be written, and closes the store. */
  async close(): Promise<void> {
    if (this.is_closed) return;
    this.is_closed = true;
    this.timer?.cancel();
    await this.desk.close();
    this.resolve_closed();
    await Promise.all([this.opening, this.upkeep]);
    await this.ports.store.close();
  }

  private schedule(delay_ms: number): void {
    const is_open = delay_ms === UPKEEP_MS;
    this.timer = this.ports.clock.schedule(delay_ms, () => {
      if (!is_open) void this.start();
      else this.upkeep = this.tidy().then(() => (this.is_closed ? undefined : this.schedule(UPKEEP_MS)));
    });
  }

  private open(): Promise<boolean> {
    return this.attempt(async () => {
      await this.ports.store.open();
      await this.forEachPending((events) => this.settlePast(events));
      this.desk.open();
      this.is_open = true;
      this.resolve_opened();
    });
  }

  /** The events whose record stands in the spool happened; the others did not. */
  private async settlePast(events: readonly PendingEvent[]): Promise<void> {
    const { store, clock, records } = this.ports;
    const confirm: string[] = [];
    const release: string[] = [];
    for (const table of new Set(events.map((event) => event.table))) {
      const event_ids = events.filter((event) => event.table === table).map(({ event_id }) => event_id);
      const held = await records.holds(table, new Set(event_ids));
      for (const event_id of event_ids) (held.has(event_id) ? confirm : release).push(event_id);
    }
    await store.commit({ confirm, release, claim: [], now_ms: clock.nowMs() });
  }

  /** Forgets what has expired, and releases what failed commits left in our name. */
  private async tidy(): Promise<void> {
    const { store, clock } = this.ports;
    await this.attempt(async () => {
      for (let sweeps = 0; sweeps < SWEEPS_MAX && !this.is_closed; sweeps++) {
        if ((await store.sweep(clock.nowMs(), PAGE)) < PAGE) break;
      }
      await this.forEachPending(async (events) => {
        const left_over = events.map(({ event_id }) => event_id).filter((event_id) => !this.desk.isKnown(event_id));
        this.desk.releaseLeftOvers(left_over);
      });
    });
  }

  private async forEachPending(visit: (events: readonly PendingEvent[]) => Promise<void>): Promise<void> {
    let after_event_id = '';
    while (!this.is_closed) {
      const events = await this.ports.store.pending(after_event_id, PAGE);
      if (events.length > 0) await visit(events);
      if (events.length < PAGE) return;
      after_event_id = events.at(-1)?.event_id ?? '';
    }
  }

  /** Whether it could be done; a registry that is away is told to the observer. */
  private async attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      this.desk.problem = undefined;
      return true;
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      this.desk.problem =
        error instanceof OperatingError ? error : new OperatingError('registry_unavailable', { reason }, { cause: error });
      this.ports.observer.failed(this.desk.problem);
      return false;
    }
  }
}

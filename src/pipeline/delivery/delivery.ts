/**
 * Delivery: takes sealed segments from the spool and brings each into ClickHouse exactly once.
 *
 * One lane per table keeps the order of sealing; the lanes share a bound on what is under way. It owns no file and no
 * connection: files are the spool's, the connection is the sink's. What it promises about a segment, and how, stands in
 * `courier.ts`.
 */
import { assert } from '../../base/assert.ts';
import type { Clock, Random } from '../../contract/ports.ts';
import type { SealedSegment, SegmentStore } from '../../contract/segment.ts';
import type { Sink } from '../../contract/sink.ts';
import type { CourierPorts } from './courier.ts';
import { Lane } from './lane.ts';
import { assertLimits, type DeliveryLimits } from './limits.ts';
import type { DeliveryFailure, DeliveryFigures, DeliveryObserver, LaneFigures, LaneState } from './report.ts';
import { Slots } from './slots.ts';

export interface DeliveryPorts {
  readonly sink: Sink;
  readonly segments: SegmentStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: DeliveryObserver;
}

export class Delivery {
  private readonly ports: CourierPorts;
  private readonly limits: DeliveryLimits;
  private readonly tally: Tally;
  private readonly lanes = new Map<string, Lane>();
  private phase: 'new' | 'started' | 'stopped' = 'new';
  /** Those who wait in `flush`; called whenever a segment found its end. */
  private readonly watchers = new Set<() => void>();

  constructor(ports: DeliveryPorts, limits: DeliveryLimits) {
    assertLimits(limits);
    const { sink, segments, clock, random, observer } = ports;
    this.ports = { sink, segments, clock, random, slots: new Slots(limits.concurrency) };
    this.limits = limits;
    this.tally = new Tally(observer, () => {
      for (const watcher of this.watchers) watcher();
    });
  }

  /** Hands over a sealed segment; within a table they go in by `sequence`, as far as they wait together. Before `start` it only waits. */
  add(segment: SealedSegment): void {
    const lane = this.laneOf(segment.table);
    lane.add(segment);
    if (this.phase === 'started') lane.wake();
  }

  /** Hands over a dead letter that is to be tried once more; the table's other segments need not wait for it. */
  addReturned(segment: SealedSegment): void {
    const lane = this.laneOf(segment.table);
    lane.addReturned(segment);
    if (this.phase === 'started') lane.wake();
  }

  /** Begins to deliver, once the tables are there; nothing happens when `stop` came first, while they were waited for. */
  start(): void {
    assert(this.phase !== 'started', 'BUG: delivery was started twice');
    if (this.phase === 'stopped') return;
    this.phase = 'started';
    for (const lane of this.lanes.values()) lane.wake();
  }

  /**
   * Delivers what there is without waiting out pauses: each lane that waits tries once now.
   *
   * @param deadline_ms milliseconds from now
   * @returns true when all that was added is in ClickHouse (parked segments aside), false when time was up first
   */
  async flush(deadline_ms: number): Promise<boolean> {
    for (const lane of this.lanes.values()) lane.nudge();
    if (this.drained()) return true;
    return new Promise<boolean>((resolve) => {
      const end = (drained: boolean): void => {
        this.watchers.delete(watcher);
        timer.cancel();
        resolve(drained);
      };
      const watcher = (): void => {
        if (this.drained()) end(true);
      };
      const timer = this.ports.clock.schedule(deadline_ms, () => end(false));
      this.watchers.add(watcher);
    });
  }

  /**
   * Sends nothing more. Resolves when nothing is under way; closing the sink's connections hurries an INSERT that is,
   * whose fate the next start then asks.
   */
  async stop(): Promise<void> {
    this.phase = 'stopped';
    await Promise.all([...this.lanes.values()].map((lane) => lane.stop()));
  }

  /** The state of things; walks the backlog, so for a scrape or a page, not for every request. */
  figures(): DeliveryFigures {
    const tables = [...this.lanes.values()].map((lane) => lane.figures());
    const total = (of: (lane: LaneFigures) => number): number => tables.reduce((sum, lane) => sum + of(lane), 0);
    const oldest = tables.flatMap((lane) => (lane.oldest_received_at_ms === undefined ? [] : [lane.oldest_received_at_ms]));
    return {
      segments: total((lane) => lane.segments),
      rows: total((lane) => lane.rows),
      bytes: total((lane) => lane.bytes),
      parked_segments: total((lane) => lane.parked_segments),
      oldest_received_at_ms: oldest.length === 0 ? undefined : Math.min(...oldest),
      delivered_segments: this.tally.delivered_segments,
      delivered_rows: this.tally.delivered_rows,
      inserts: this.tally.inserts,
      quarantined_segments: this.tally.quarantined_segments,
      failures: { ...this.tally.failures },
      last_failure: this.tally.last_failure,
      tables,
    };
  }

  private laneOf(table: string): Lane {
    let lane = this.lanes.get(table);
    if (lane === undefined) {
      lane = new Lane(table, this.ports, this.limits, this.tally);
      this.lanes.set(table, lane);
    }
    return lane;
  }

  private drained(): boolean {
    return [...this.lanes.values()].every((lane) => lane.drained);
  }
}

/** Counts what happens on its way to the observer. */
class Tally implements DeliveryObserver {
  delivered_segments = 0;
  delivered_rows = 0;
  inserts = 0;
  quarantined_segments = 0;
  readonly failures: Record<DeliveryFailure['action'], number> = { retry: 0, pause: 0, shrink: 0, dead_letter: 0, stop: 0 };
  last_failure: DeliveryFailure | undefined;
  private readonly observer: DeliveryObserver;
  private readonly ended: () => void;

  constructor(observer: DeliveryObserver, ended: () => void) {
    this.observer = observer;
    this.ended = ended;
  }

  inserted(segment: SealedSegment, duration_ms: number): void {
    this.inserts++;
    this.observer.inserted(segment, duration_ms);
  }

  delivered(segment: SealedSegment): void {
    this.delivered_segments++;
    this.delivered_rows += segment.rows;
    this.observer.delivered(segment);
    this.ended();
  }

  failed(segment: SealedSegment, failure: DeliveryFailure): void {
    this.failures[failure.action]++;
    this.last_failure = failure;
    this.observer.failed(segment, failure);
  }

  parked(segment: SealedSegment, failure: DeliveryFailure): void {
    this.observer.parked(segment, failure);
    this.ended();
  }

  split(segment: SealedSegment, halves: readonly SealedSegment[], failure: DeliveryFailure): void {
    this.observer.split(segment, halves, failure);
    this.ended();
  }

  deadLettered(segment: SealedSegment, failure: DeliveryFailure): void {
    this.observer.deadLettered(segment, failure);
    this.ended();
  }

  quarantined(segment: SealedSegment, reason: string): void {
    this.quarantined_segments++;
    this.observer.quarantined(segment, reason);
    this.ended();
  }

  stateChanged(table: string, state: LaneState, failure: DeliveryFailure | undefined): void {
    this.observer.stateChanged(table, state, failure);
  }
}

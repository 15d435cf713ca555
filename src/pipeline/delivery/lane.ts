/**
 * A table's lane: its segments in the order of sealing, one under way at a time.
 *
 * The lane owns the backlog, as metadata only; the rows stay in the spool's files. A segment that cannot go in as it is
 * steps aside (`parked`) so that the table's other segments can, and gets another try when its time comes: before the next
 * in order, so that a full backlog cannot starve it.
 */
import { assert, unreachable } from '../../base/assert.ts';
import type { SealedSegment } from '../../contract/segment.ts';
import { Courier, type CourierEnd, type CourierHost, type CourierPorts } from './courier.ts';
import type { DeliveryLimits } from './limits.ts';
import { jitteredMs, Pause } from './pause.ts';
import type { DeliveryFailure, DeliveryObserver, LaneFigures, LaneState } from './report.ts';

interface Parked {
  readonly segment: SealedSegment;
  /** Monotonic time of its next try. */
  readonly due_ms: number;
}

export class Lane implements CourierHost {
  readonly table: string;
  readonly pause: Pause;
  private readonly ports: CourierPorts;
  private readonly limits: DeliveryLimits;
  private readonly observer: DeliveryObserver;
  /** In order; `head` is the first that is not yet taken, what is before it is dropped now and then. */
  private queue: SealedSegment[] = [];
  private head = 0;
  private current: SealedSegment | undefined;
  private current_was_parked = false;
  private parked: Parked[] = [];
  private parked_timer: { cancel(): void } | undefined;
  private active = false;
  private running: Promise<void> = Promise.resolve();
  private last_sequence = -1;
  private present_state: LaneState = 'idle';
  private failure: DeliveryFailure | undefined;

  constructor(table: string, ports: CourierPorts, limits: DeliveryLimits, observer: DeliveryObserver) {
    this.table = table;
    this.ports = ports;
    this.limits = limits;
    this.observer = observer;
    this.pause = new Pause(ports.clock);
  }

  /** Takes a segment into the backlog; only `wake` sets the lane going. */
  add(segment: SealedSegment): void {
    assert(segment.sequence > this.last_sequence, `BUG: segment ${segment.id} of table ${this.table} was added out of order`);
    const last = this.queue.at(-1);
    // A day's backlog is many segments of the same columns: keep the names once.
    const same = last !== undefined && last.columns.join('\n') === segment.columns.join('\n');
    this.queue.push(same ? { ...segment, columns: last.columns } : segment);
    this.last_sequence = segment.sequence;
  }

  /** Begins to deliver, if there is something and nothing is under way. */
  wake(): void {
    if (this.active || this.pause.stopped) return;
    this.active = true;
    this.running = this.run();
  }

  /** Ends a wait between two tries: try now. */
  nudge(): void {
    this.pause.nudge();
  }

  /** Resolves when nothing of this lane is under way any more; an INSERT that is, is let finish. */
  async stop(): Promise<void> {
    this.pause.stop();
    this.parked_timer?.cancel();
    await this.running;
  }

  /** True when all that can go in is in; parked segments do not count. */
  get drained(): boolean {
    return this.head === this.queue.length && (this.current === undefined || this.current_was_parked);
  }

  mayPark(): boolean {
    return this.parked.length < this.limits.parked_max;
  }

  state(state: LaneState, failure?: DeliveryFailure): void {
    if (state === this.present_state && failure === this.failure) return;
    this.present_state = state;
    this.failure = failure;
    this.observer.stateChanged(this.table, state, failure);
  }

  inserted(segment: SealedSegment, duration_ms: number): void {
    this.observer.inserted(segment, duration_ms);
  }

  failed(segment: SealedSegment, failure: DeliveryFailure): void {
    this.observer.failed(segment, failure);
  }

  figures(): LaneFigures {
    const parked = this.parked.map((entry) => entry.segment);
    const waiting = [...this.queue.slice(this.head), ...parked, ...(this.current === undefined ? [] : [this.current])];
    let rows = 0;
    let bytes = 0;
    let oldest_received_at_ms: number | undefined;
    for (const segment of waiting) {
      rows += segment.rows;
      bytes += segment.file_bytes;
      oldest_received_at_ms = Math.min(oldest_received_at_ms ?? segment.received_at_ms, segment.received_at_ms);
    }
    return {
      table: this.table,
      state: this.present_state,
      last_failure: this.failure,
      segments: waiting.length,
      rows,
      bytes,
      parked_segments: parked.length,
      parked_rows: parked.reduce((sum, segment) => sum + segment.rows, 0),
      oldest_received_at_ms,
    };
  }

  private async run(): Promise<void> {
    for (let segment = this.take(); segment !== undefined; segment = this.take()) {
      const shrink_tries = this.current_was_parked ? 1 : this.limits.shrink_tries;
      const end = await new Courier(this.ports, this.limits, this, segment, shrink_tries).run();
      this.current = undefined;
      this.settle(end);
      if (end.kind === 'interrupted') break;
    }
    this.active = false;
    this.awaitParked();
    if (!this.pause.stopped) this.state('idle');
  }

  /** The next segment to deliver, now under way; undefined when there is none at this time. */
  private take(): SealedSegment | undefined {
    if (this.pause.stopped) return undefined;
    const now_ms = this.ports.clock.monotonicMs();
    const due = this.parked.findIndex((entry) => entry.due_ms <= now_ms);
    this.current_was_parked = due >= 0;
    this.current = due >= 0 ? this.parked.splice(due, 1)[0]?.segment : this.shift();
    return this.current;
  }

  private shift(): SealedSegment | undefined {
    const segment = this.queue[this.head];
    if (segment === undefined) return undefined;
    this.head++;
    if (this.head >= 1024 || this.head === this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    return segment;
  }

  private settle(end: CourierEnd): void {
    switch (end.kind) {
      case 'delivered':
        this.observer.delivered(end.segment);
        break;
      case 'quarantined':
        this.observer.quarantined(end.segment, end.reason);
        break;
      case 'parked': {
        const delay_ms = jitteredMs(this.ports.random, this.limits.parked_retry_ms);
        this.parked.push({ segment: end.segment, due_ms: this.ports.clock.monotonicMs() + delay_ms });
        this.observer.parked(end.segment, end.failure);
        break;
      }
      case 'interrupted':
        this.queue = [end.segment, ...this.queue.slice(this.head)];
        this.head = 0;
        break;
      default:
        unreachable(end);
    }
  }

  /** Comes back when the next parked segment is due. */
  private awaitParked(): void {
    this.parked_timer?.cancel();
    if (this.parked.length === 0 || this.pause.stopped) return;
    const due_ms = Math.min(...this.parked.map((entry) => entry.due_ms));
    const delay_ms = Math.max(1, due_ms - this.ports.clock.monotonicMs());
    this.parked_timer = this.ports.clock.schedule(delay_ms, () => this.wake());
  }
}

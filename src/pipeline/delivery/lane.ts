/**
 * A table's lane: its segments in the order of sealing, one under way at a time.
 *
 * The lane owns the backlog, as metadata only; the rows stay in the spool's files. A segment that cannot go in as it is steps aside, and from then on the
 * lane takes turns: one of those that stepped aside whose time has come, then one of the backlog. So a bad row holds up the others by one INSERT at a time
 * however long the search for it takes, and a full backlog cannot starve the search. When too many have stepped aside, the backlog waits for them.
 */
import { unreachable } from '../../base/assert.ts';
import type { SealedSegment } from '../../contract/segment.ts';
import { type Aside, Asides } from './asides.ts';
import { Courier, type CourierPorts } from './courier.ts';
import type { CourierEnd, CourierHost, Errand, SteppedAside } from './errand.ts';
import { LetterBudget } from './letter_budget.ts';
import type { DeliveryLimits } from './limits.ts';
import { jitteredMs, Pause } from './pause.ts';
import type { DeliveryFailure, DeliveryObserver, LaneFigures, LaneState } from './report.ts';

/** What is under way: the first of the backlog, which is not in it any more, or the next piece of an aside, which is. */
interface Turn {
  readonly segment: SealedSegment;
  readonly aside: Aside | undefined;
}

export class Lane implements CourierHost {
  readonly pause: Pause;
  /** In order; `head` is the first that is not yet taken, what is before it is dropped now and then. */
  private queue: SealedSegment[] = [];
  private head = 0;
  private current: Turn | undefined;
  private readonly asides = new Asides();
  private asides_timer: { cancel(): void } | undefined;
  private is_asides_turn = false;
  /** Monotonic time at which one that stepped aside is tried although it is early, when the table takes nothing else. */
  private probe_due_ms = 0;
  private readonly budget: LetterBudget;
  private active = false;
  private running: Promise<void> = Promise.resolve();
  private present_state: LaneState = 'idle';
  private failure: DeliveryFailure | undefined;

  constructor(
    readonly table: string,
    private readonly ports: CourierPorts,
    private readonly limits: DeliveryLimits,
    private readonly observer: DeliveryObserver,
  ) {
    this.pause = new Pause(ports.clock);
    this.budget = new LetterBudget(ports.clock, limits);
  }

  /** Takes a segment into the backlog; only `wake` sets the lane going. */
  add(segment: SealedSegment): void {
    const last = this.queue.at(-1);
    // A day's backlog is many segments of the same columns: keep the names once.
    const same = last !== undefined && last.columns.join('\n') === segment.columns.join('\n');
    // One that was sealed late goes before the later ones that still wait; segments cut out of one share its place.
    let place = this.queue.length;
    while (place > this.head && this.queue[place - 1].sequence > segment.sequence) place--;
    this.queue.splice(place, 0, same ? { ...segment, columns: last.columns } : segment);
  }

  /** Takes a dead letter that is to be tried once more; its place in the order is long past. */
  addReturned(segment: SealedSegment): void {
    this.asides.add([segment], this.ports.clock.monotonicMs(), true);
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
    this.asides_timer?.cancel();
    await this.running;
  }

  /** True when all that can go in is in; what stepped aside does not count. */
  get drained(): boolean {
    return this.head === this.queue.length && (this.current === undefined || this.current.aside !== undefined);
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
    const refused = this.asides.refused;
    const parked = refused.flatMap(({ pieces }) => pieces);
    const taken = this.current?.aside === undefined && this.current !== undefined ? [this.current.segment] : [];
    const waiting = [...this.queue.slice(this.head), ...this.asides.segments(), ...taken];
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
      parked_reason: refused[0]?.failure?.message,
      oldest_received_at_ms,
    };
  }

  private async run(): Promise<void> {
    for (let turn = this.take(); turn !== undefined; turn = this.take()) {
      const end = await new Courier(this.ports, this.limits, this, this.errandOf(turn)).run();
      this.current = undefined;
      this.settle(turn, end);
      if (end.kind === 'interrupted') break;
    }
    this.active = false;
    this.awaitAsides();
    if (this.pause.stopped) return;
    if (this.isFull()) this.state('paused', this.asides.refused[0]?.failure);
    else this.state('idle');
  }

  private errandOf({ segment, aside }: Turn): Errand {
    // A token that was taken and no memory of its try: an earlier process made it.
    const inherited_ms = segment.tokens > 0 ? this.ports.clock.monotonicMs() : undefined;
    return {
      segment,
      last_unseen_ms: aside === undefined ? inherited_ms : aside.last_unseen_ms,
      condemned: aside?.condemned,
      shrink_tries: aside === undefined ? this.limits.shrink_tries : 1,
      mayGiveUp: () => aside?.is_returned === true || this.budget.hasSome(),
    };
  }

  /** What to deliver next, now under way; undefined when there is nothing at this time. */
  private take(): Turn | undefined {
    if (this.pause.stopped) return undefined;
    this.is_asides_turn = !this.is_asides_turn;
    if (this.isFull()) this.current = this.takeAside() ?? this.takeProbe();
    else this.current = this.is_asides_turn ? (this.takeAside() ?? this.shift()) : (this.shift() ?? this.takeAside());
    return this.current;
  }

  /** So much stepped aside that nothing more of the backlog is tried: then it is not the segments that are bad. */
  private isFull(): boolean {
    return this.asides.refused.length >= this.limits.parked_max;
  }

  private takeProbe(): Turn | undefined {
    const now_ms = this.ports.clock.monotonicMs();
    if (now_ms < this.probe_due_ms) return undefined;
    this.probe_due_ms = now_ms + jitteredMs(this.ports.random, this.limits.probe_ms);
    return this.takeAside(Number.POSITIVE_INFINITY);
  }

  private takeAside(until_ms = this.ports.clock.monotonicMs()): Turn | undefined {
    const aside = this.asides.due(until_ms);
    const segment = aside?.pieces.at(-1);
    return segment === undefined ? undefined : { segment, aside };
  }

  private shift(): Turn | undefined {
    const segment = this.queue[this.head];
    if (segment === undefined) return undefined;
    this.head++;
    if (this.head >= 1024 || this.head === this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    return { segment, aside: undefined };
  }

  private putBack(segment: SealedSegment): void {
    this.queue = [segment, ...this.queue.slice(this.head)];
    this.head = 0;
  }

  private settle(turn: Turn, end: CourierEnd): void {
    const now_ms = this.ports.clock.monotonicMs();
    if (end.kind === 'stepped_aside') {
      this.setAside(turn, end, now_ms);
      return;
    }
    if (end.kind === 'interrupted') {
      if (turn.aside === undefined) this.putBack(end.segment);
      return;
    }
    const halves = end.kind === 'split' ? end.halves : [];
    const aside = turn.aside ?? this.asides.add([end.segment], now_ms);
    if (end.kind === 'split') aside.failure = end.failure;
    this.asides.finishPiece(aside, now_ms, halves);
    // One that came back was paid for when it was first given up.
    if (end.kind === 'dead_lettered' && !aside.is_returned) this.budget.spend();
    this.report(end);
  }

  private report(end: Exclude<CourierEnd, SteppedAside | { kind: 'interrupted' }>): void {
    switch (end.kind) {
      case 'delivered':
        if (this.budget.delivered()) this.asides.hurry(this.ports.clock.monotonicMs());
        this.observer.delivered(end.segment);
        break;
      case 'quarantined':
        this.observer.quarantined(end.segment, end.reason);
        break;
      case 'split':
        this.observer.split(end.segment, end.halves, end.failure);
        break;
      case 'dead_lettered':
        this.observer.deadLettered(end.segment, end.failure);
        break;
      default:
        unreachable(end);
    }
  }

  private setAside(turn: Turn, end: SteppedAside, now_ms: number): void {
    const aside = turn.aside ?? this.asides.add([end.segment], now_ms);
    aside.pieces.splice(-1, 1, end.segment);
    aside.due_ms = now_ms + end.wait_ms;
    aside.last_unseen_ms = end.last_unseen_ms;
    aside.condemned = end.condemned;
    const is_news = aside.failure?.code !== end.failure.code || turn.aside === undefined;
    aside.failure = end.failure;
    if (is_news) this.observer.parked(end.segment, end.failure);
  }

  /** Comes back when the next that stepped aside is due. */
  private awaitAsides(): void {
    this.asides_timer?.cancel();
    const due_ms = this.isFull() ? Math.min(this.probe_due_ms, this.asides.nextDueMs()) : this.asides.nextDueMs();
    if (due_ms === Number.POSITIVE_INFINITY || this.pause.stopped) return;
    const delay_ms = Math.max(1, due_ms - this.ports.clock.monotonicMs());
    this.asides_timer = this.ports.clock.schedule(delay_ms, () => this.wake());
  }
}

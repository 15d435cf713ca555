/**
 * One segment's way into ClickHouse, until it is there exactly once, is set aside, or delivery stops.
 *
 * A clean answer to the first INSERT is believed. Anything less puts the segment in doubt, and from then on only a count
 * is believed:
 * ```
 *  in doubt ──▶ still running? ──yes──▶ wait, ask again
 *                  │ no
 *                  ▼
 *               count ──all──▶ retire       ──a part──▶ stop, say so, count again later
 *                  │ none
 *                  ▼
 *               insert under the same token, count again ──none──▶ the server knows the token but not the rows:
 *                                                                  take another token, insert under that, count again
 * ```
 * A second token is only taken when no earlier try can start any more (`settle_ms`), or it might add the rows twice. Until
 * then the old token guards: a try that starts late finds it used.
 */
import type { Clock, Random } from '../../contract/ports.ts';
import type { SealedSegment, SegmentStore } from '../../contract/segment.ts';
import type { Sink } from '../../contract/sink.ts';
import { corruption, describeFailure, type Phase, partialInsert } from './failure.ts';
import type { DeliveryLimits } from './limits.ts';
import { backoffMs, jitteredMs, type Pause } from './pause.ts';
import type { DeliveryFailure, LaneState } from './report.ts';
import type { Slots } from './slots.ts';

export interface CourierPorts {
  readonly sink: Sink;
  readonly segments: SegmentStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly slots: Slots;
}

/** What the lane lends to the courier of the moment. */
export interface CourierHost {
  readonly pause: Pause;
  /** Whether the lane can still set a segment aside. */
  mayPark(): boolean;
  state(state: LaneState, failure?: DeliveryFailure): void;
  inserted(segment: SealedSegment, duration_ms: number): void;
  failed(segment: SealedSegment, failure: DeliveryFailure): void;
}

/** `segment` is as it now is in the spool: its `tokens` may have grown. */
export type CourierEnd =
  | { readonly kind: 'delivered' | 'interrupted'; readonly segment: SealedSegment }
  | { readonly kind: 'quarantined'; readonly segment: SealedSegment; readonly reason: string }
  | { readonly kind: 'parked'; readonly segment: SealedSegment; readonly failure: DeliveryFailure };

export class Courier {
  private readonly ports: CourierPorts;
  private readonly limits: DeliveryLimits;
  private readonly host: CourierHost;
  private segment: SealedSegment;
  private phase: Phase = 'send';
  /** Some try may have put the rows in; sticky, since a later clean failure says nothing about an earlier try. */
  private in_doubt: boolean;
  /** Monotonic time of the last try whose fate is unknown; of the start for one that an earlier process made. */
  private last_doubt_ms: number;
  /** The token in use was accepted by a clean answer; if the rows are absent all the same, it is spent. */
  private confirmed = false;
  private present = false;
  private corruption: string | undefined;
  private given_up: DeliveryFailure | undefined;
  private failures = 0;
  private shrinks_left: number;

  constructor(ports: CourierPorts, limits: DeliveryLimits, host: CourierHost, segment: SealedSegment, shrink_tries: number) {
    this.ports = ports;
    this.limits = limits;
    this.host = host;
    this.segment = segment;
    this.in_doubt = segment.tokens > 0;
    this.last_doubt_ms = ports.clock.monotonicMs();
    this.shrinks_left = shrink_tries;
  }

  /** Resolves when the segment needs no more of us. Rejects only on a bug. */
  async run(): Promise<CourierEnd> {
    while (!this.host.pause.stopped) {
      try {
        const end = await this.step();
        if (end !== undefined) return end;
      } catch (error) {
        await this.digest(error);
      }
    }
    return { kind: 'interrupted', segment: this.segment };
  }

  /** One move; undefined when another must follow. */
  private async step(): Promise<CourierEnd | undefined> {
    if (this.present) return this.retire();
    if (this.corruption !== undefined) return this.quarantine(this.corruption);
    if (this.in_doubt && !(await this.knownAbsent())) return undefined;
    if (this.given_up !== undefined) return { kind: 'parked', segment: this.segment, failure: this.given_up };
    if (this.confirmed && !(await this.takeAnotherToken())) return undefined;
    await this.insert();
    return undefined;
  }

  /** True when ClickHouse has none of the rows and nothing that could still bring them is running. */
  private async knownAbsent(): Promise<boolean> {
    const { sink, slots, clock } = this.ports;
    this.phase = 'ask';
    if (this.failures === 0) this.host.state('settling');
    const running = await slots.hold(() => sink.isRunning(this.segment.id));
    if (running) {
      this.host.state('settling');
      await this.host.pause.wait(this.limits.running_poll_ms);
      return false;
    }
    const rows = await slots.hold(() => sink.countRows(this.segment.table, this.segment.id));
    if (rows === 0) return true;
    if (rows === this.segment.rows) {
      this.present = true;
      return false;
    }
    const failure = partialInsert(this.segment, rows, clock.nowMs());
    this.host.failed(this.segment, failure);
    this.host.state('stopped', failure);
    await this.host.pause.wait(jitteredMs(this.ports.random, this.limits.probe_ms));
    return false;
  }

  /** False when it is too early: then everything must be asked anew. */
  private async takeAnotherToken(): Promise<boolean> {
    const wait_ms = this.last_doubt_ms + this.limits.settle_ms - this.ports.clock.monotonicMs();
    if (wait_ms > 0) {
      this.host.state('settling');
      await this.host.pause.wait(wait_ms);
      return false;
    }
    this.phase = 'send';
    this.segment = await this.ports.segments.takeToken(this.segment);
    this.confirmed = false;
    return true;
  }

  private async insert(): Promise<void> {
    this.phase = 'send';
    if (this.failures === 0) this.host.state('sending');
    const { clock, slots } = this.ports;
    await slots.hold(async () => {
      if (this.host.pause.stopped) return;
      const started_ms = clock.monotonicMs();
      await this.send();
      this.host.inserted(this.segment, clock.monotonicMs() - started_ms);
      if (this.in_doubt) this.confirmed = true;
      else this.present = true;
    });
  }

  /** Opens before it takes the first token: a damaged segment must not look as if it had been sent. */
  private async send(): Promise<void> {
    const { sink, segments, random } = this.ports;
    const body = await segments.open(this.segment);
    try {
      if (this.segment.tokens === 0) this.segment = await segments.takeToken(this.segment);
      const { id, table, columns, native_bytes, tokens } = this.segment;
      await sink.insert({
        table,
        columns,
        query_id: `${id}.${random.uuid()}`,
        deduplication_token: tokens === 1 ? id : `${id}/${tokens}`,
        body,
        body_bytes: native_bytes,
      });
    } finally {
      body.destroy();
    }
  }

  private async retire(): Promise<CourierEnd> {
    this.phase = 'keep';
    await this.ports.segments.retire(this.segment);
    return { kind: 'delivered', segment: this.segment };
  }

  private async quarantine(reason: string): Promise<CourierEnd> {
    this.phase = 'keep';
    await this.ports.segments.quarantine(this.segment, reason);
    return { kind: 'quarantined', segment: this.segment, reason };
  }

  /** Takes in what went wrong and waits as long as it asks for. */
  private async digest(error: unknown): Promise<void> {
    const reason = corruption(error);
    if (reason !== undefined && this.corruption === undefined) {
      this.corruption = reason;
      return;
    }
    const failure = describeFailure(error, this.phase, this.segment, this.ports.clock.nowMs());
    this.failures++;
    this.host.failed(this.segment, failure);
    if (failure.in_doubt) {
      this.in_doubt = true;
      this.last_doubt_ms = this.ports.clock.monotonicMs();
    }
    const hopeless = this.isHopeless(failure);
    if (hopeless && this.host.mayPark()) {
      this.given_up = failure;
    } else if (hopeless || failure.action === 'pause') {
      await this.waitAs('paused', failure, jitteredMs(this.ports.random, this.limits.probe_ms));
    } else {
      await this.waitAs('retrying', failure, backoffMs(this.ports.random, this.limits, this.failures));
    }
  }

  private isHopeless(failure: DeliveryFailure): boolean {
    if (failure.action === 'shrink') this.shrinks_left--;
    return failure.action === 'dead_letter' || (failure.action === 'shrink' && this.shrinks_left <= 0);
  }

  private async waitAs(state: LaneState, failure: DeliveryFailure, delay_ms: number): Promise<void> {
    this.host.state(state, failure);
    await this.host.pause.wait(delay_ms);
  }
}

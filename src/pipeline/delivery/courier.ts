/**
 * One segment's way into ClickHouse, until it is there exactly once, must be split, is given up, steps aside for a while, or delivery stops.
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
 *
 * A segment that ClickHouse refuses for good is split, or given up when it is one row. That too is only done when none of its rows is in ClickHouse and no
 * earlier try can start any more: a try that ClickHouse ended by refusing the block is over, any other whose fate is unknown (a timeout, a reset, an earlier
 * process) is waited for.
 */
import type { Clock, Random } from '../../contract/ports.ts';
import type { Rejection, SealedSegment, SegmentStore } from '../../contract/segment.ts';
import type { Sink } from '../../contract/sink.ts';
import type { CourierEnd, CourierHost, Errand, SteppedAside } from './errand.ts';
import { corruption, describeFailure, type Phase, partialInsert } from './failure.ts';
import type { DeliveryLimits } from './limits.ts';
import { backoffMs, jitteredMs } from './pause.ts';
import type { DeliveryFailure, LaneState } from './report.ts';
import type { Slots } from './slots.ts';

export interface CourierPorts {
  readonly sink: Sink;
  readonly segments: SegmentStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly slots: Slots;
}

export class Courier {
  private segment: SealedSegment;
  private phase: Phase = 'send';
  /** Some try may have put the rows in; sticky, since a later clean failure says nothing about an earlier try. */
  private in_doubt: boolean;
  /** Monotonic time of the last try whose fate is unknown; of the start for one that an earlier process made. */
  private last_doubt_ms: number;
  /** The same, without the tries that ended when ClickHouse refused the block: those are over. */
  private last_unseen_ms: number | undefined;
  /** The token in use was accepted by a clean answer; if the rows are absent all the same, it is spent. */
  private confirmed = false;
  private present = false;
  private corruption: string | undefined;
  private condemned: DeliveryFailure | undefined;
  private failures = 0;
  private shrinks_left: number;

  constructor(
    private readonly ports: CourierPorts,
    private readonly limits: DeliveryLimits,
    private readonly host: CourierHost,
    private readonly errand: Errand,
  ) {
    this.segment = errand.segment;
    this.in_doubt = errand.segment.tokens > 0;
    this.last_doubt_ms = ports.clock.monotonicMs();
    this.last_unseen_ms = errand.last_unseen_ms;
    this.condemned = errand.condemned;
    this.shrinks_left = errand.shrink_tries;
  }

  /** Resolves when the segment needs no more of us. Rejects only on a bug. */
  async run(): Promise<CourierEnd> {
    while (!this.host.pause.stopped) {
      try {
        const end = await this.step();
        if (end !== undefined) return end;
      } catch (error) {
        const end = await this.digest(error);
        if (end !== undefined) return end;
      }
    }
    return { kind: 'interrupted', segment: this.segment };
  }

  /** One move; undefined when another must follow. */
  private async step(): Promise<CourierEnd | undefined> {
    if (this.present) return this.retire();
    if (this.corruption !== undefined) return this.quarantine(this.corruption);
    if (this.in_doubt && !(await this.knownAbsent())) return undefined;
    if (this.condemned !== undefined) return this.condemn(this.condemned);
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

  /** ClickHouse refuses the segment as it is, and has none of it. */
  private async condemn(failure: DeliveryFailure): Promise<CourierEnd> {
    const { segments, clock, random } = this.ports;
    const { retry_ms_max, parked_retry_ms, settle_ms } = this.limits;
    this.phase = 'keep';
    const settled_ms = this.last_unseen_ms === undefined ? Number.NEGATIVE_INFINITY : this.last_unseen_ms + settle_ms;
    if (settled_ms > clock.monotonicMs()) return this.stepAside(failure, settled_ms - clock.monotonicMs(), failure);
    const is_one_row = this.segment.rows === 1;
    // What one row is too large for is the server's memory of the moment, or a limit that somebody set: no fault of the row's.
    if (is_one_row && failure.action === 'shrink') return this.stepAside(failure, jitteredMs(random, retry_ms_max));
    if (failure.action === 'dead_letter' && !this.errand.mayGiveUp()) return this.stepAside(failure, jitteredMs(random, parked_retry_ms));
    if (!is_one_row) return { kind: 'split', segment: this.segment, halves: await segments.split(this.segment), failure };
    const rejection: Rejection = { code: failure.code, message: failure.message };
    await segments.deadLetter(this.segment, rejection);
    return { kind: 'dead_lettered', segment: this.segment, failure };
  }

  private stepAside(failure: DeliveryFailure, wait_ms: number, condemned?: DeliveryFailure): SteppedAside {
    const { segment, last_unseen_ms } = this;
    return { kind: 'stepped_aside', segment, failure, wait_ms, last_unseen_ms, condemned };
  }

  /** Takes in what went wrong and waits as long as it asks for. */
  private async digest(error: unknown): Promise<CourierEnd | undefined> {
    const reason = corruption(error);
    if (reason !== undefined && this.corruption === undefined) {
      this.corruption = reason;
      return undefined;
    }
    const failure = describeFailure(error, this.phase, this.segment, this.ports.clock.nowMs());
    this.failures++;
    this.host.failed(this.segment, failure);
    // A disk that has no room for the halves must not hold up the segments that need none.
    if (this.phase === 'keep' && this.condemned !== undefined) {
      return this.stepAside(failure, jitteredMs(this.ports.random, this.limits.retry_ms_max), this.condemned);
    }
    if (failure.in_doubt) this.noteDoubt(failure);
    if (this.isHopeless(failure)) {
      this.condemned = failure;
    } else if (failure.action === 'pause') {
      await this.waitAs('paused', failure, jitteredMs(this.ports.random, this.limits.probe_ms));
    } else {
      await this.waitAs('retrying', failure, backoffMs(this.ports.random, this.limits, this.failures));
    }
    return undefined;
  }

  private noteDoubt(failure: DeliveryFailure): void {
    this.in_doubt = true;
    this.last_doubt_ms = this.ports.clock.monotonicMs();
    if (!isRefusal(failure)) this.last_unseen_ms = this.last_doubt_ms;
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

/** Whether ClickHouse itself ended the try by refusing the block: only its own codes are numbers. After any other end something may still be under way there. */
function isRefusal({ action, code }: DeliveryFailure): boolean {
  return (action === 'dead_letter' || action === 'shrink') && /^\d+$/.test(code);
}

/**
 * Says those who are answered 503 when to come back: when what stands against them will have drained, at the rate at which it
 * drains now. Spread out, so that those who were turned away together do not come back together.
 */
import { DrainRate } from '../../base/drain_rate.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Clock, Random } from '../../contract/ports.ts';

/** What is in the way of a request besides the bytes in flight. */
export interface Backlog {
  /** Seconds until a full spool or disk has enough room again; Infinity when nothing is delivered. */
  secondsToRoom(): number;
  /** The same until there is room for all events, and not only for those that go first. */
  secondsToCalm(): number;
}

export interface RetryAdvicePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly backlog: Backlog;
  bytesInFlight(): number;
}

const ANSWERED_TIME_CONSTANT_MS = 5_000;
/** Of those who were sent away: most are told to come back within it. */
const REFUSED_TIME_CONSTANT_MS = 30_000;
const MS_PER_S = 1000;
/** Work in hand is gone soon or not at all: nobody is sent away for longer because it stood still for a moment. */
const OVERLOAD_S_MAX = 30;
const ROOM_S_MAX = 300;
const WAIT_S_MIN = 1;
/** The spread is half of the wait, and at least this. */
const SPREAD_S_MIN = 4;
const SPREAD_SHARE = 1 / 2;
const ROOM_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['spool_full', 'disk_nearly_full']);

export class RetryAdvice {
  private readonly rate: DrainRate;
  /** Requests that were worked off, and those that were told to come back because of too many or for want of room. */
  private readonly answers: DrainRate;
  private readonly refusals: DrainRate;

  constructor(private readonly ports: RetryAdvicePorts) {
    const now_ms = ports.clock.monotonicMs();
    this.rate = new DrainRate(ANSWERED_TIME_CONSTANT_MS, now_ms);
    this.answers = new DrainRate(ANSWERED_TIME_CONSTANT_MS, now_ms);
    this.refusals = new DrainRate(REFUSED_TIME_CONSTANT_MS, now_ms);
  }

  /** A request was worked off, and so many bytes in flight with it. */
  answered(bytes: number): void {
    const now_ms = this.ports.clock.monotonicMs();
    this.rate.add(bytes, now_ms);
    this.answers.add(1, now_ms);
  }

  /** Whole seconds for the `Retry-After` of one request. */
  seconds(code: ErrorCode): number {
    if (ROOM_CODES.has(code)) return this.sendAway(this.ports.backlog.secondsToRoom(), ROOM_S_MAX);
    if (code === 'shedding') return this.sendAway(this.ports.backlog.secondsToCalm(), ROOM_S_MAX);
    if (code === 'overloaded') return this.sendAway(this.secondsInFlight(), OVERLOAD_S_MAX);
    return this.spread(0, OVERLOAD_S_MAX);
  }

  /** For one more than those who were sent away lately: they come back too, before him. */
  private sendAway(wait_s: number, max_s: number): number {
    const now_ms = this.ports.clock.monotonicMs();
    const sent_away = this.refusals.perSecond(now_ms) * (REFUSED_TIME_CONSTANT_MS / MS_PER_S);
    this.refusals.add(1, now_ms);
    return this.spread(wait_s + timeFor(sent_away, this.answers.perSecond(now_ms)), max_s);
  }

  private secondsInFlight(): number {
    return timeFor(this.ports.bytesInFlight(), this.rate.perSecond(this.ports.clock.monotonicMs()));
  }

  /** `wait_s` and some more, within bounds. */
  private spread(wait_s: number, max_s: number): number {
    const least_s = Math.min(Math.max(wait_s, WAIT_S_MIN), max_s / (1 + SPREAD_SHARE));
    const spread_s = Math.max(SPREAD_S_MIN, least_s * SPREAD_SHARE);
    return Math.min(max_s, Math.ceil(least_s) + Math.floor(this.ports.random.fraction() * spread_s));
  }
}

/** Before the first answer nothing is known, and the shortest wait finds out soonest. */
function timeFor(amount: number, per_s: number): number {
  return per_s === 0 ? 0 : amount / per_s;
}

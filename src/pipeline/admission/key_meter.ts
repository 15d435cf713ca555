/** What one key has sent lately and today, against its limits. Owned by `KeyMeters`. */
import type { Clock, Random } from '../../contract/ports.ts';
import type { KeyLimits, Meter, RateRefusal } from '../../contract/rate.ts';
import { TokenBucket } from './token_bucket.ts';

export interface MeterPorts {
  readonly clock: Clock;
  readonly random: Random;
}

const DAY_MS = 86_400_000;
/** Over this many seconds those come back who were refused together, at least; and over as long again as they waited. */
const SPREAD_S_MIN = 4;
/** After midnight nobody needs longer than this to come back. */
const SPREAD_S_MAX = 300;

export class KeyMeter implements Meter {
  private events: TokenBucket | undefined;
  private bytes: TokenBucket | undefined;
  /** Days since the epoch, by UTC. */
  private day: number;
  private events_today: number;

  /** @param counted events that this day knows of before */
  constructor(
    private readonly ports: MeterPorts,
    private limits: KeyLimits,
    counted: { readonly day: number; readonly events: number },
  ) {
    this.day = counted.day;
    this.events_today = counted.events;
    this.setLimits(limits);
  }

  /** Other limits from now on; debts and today's count stay. */
  setLimits(limits: KeyLimits): void {
    this.limits = limits;
    const now_ms = this.ports.clock.monotonicMs();
    const { events_per_second, bytes_per_second, burst_seconds } = limits;
    this.events = resized(this.events, events_per_second, burst_seconds, now_ms);
    this.bytes = resized(this.bytes, bytes_per_second, burst_seconds, now_ms);
  }

  refusal(): RateRefusal | undefined {
    const { events_per_second, bytes_per_second, events_per_day } = this.limits;
    if (events_per_day > 0 && this.eventsOf(this.today()) >= events_per_day) {
      const reset_ms = (this.day + 1) * DAY_MS - this.ports.clock.nowMs();
      return this.refuse('quota_exceeded', events_per_day, 'events per day', reset_ms);
    }
    const now_ms = this.ports.clock.monotonicMs();
    const events_wait_ms = this.events?.waitMs(now_ms) ?? 0;
    const bytes_wait_ms = this.bytes?.waitMs(now_ms) ?? 0;
    if (events_wait_ms === 0 && bytes_wait_ms === 0) return undefined;
    return events_wait_ms >= bytes_wait_ms
      ? this.refuse('rate_limited', events_per_second, 'events per second', events_wait_ms)
      : this.refuse('rate_limited', bytes_per_second, 'bytes per second', bytes_wait_ms);
  }

  chargeBytes(bytes: number): void {
    this.bytes?.take(bytes, this.ports.clock.monotonicMs());
  }

  chargeEvents(events: number): void {
    this.events?.take(events, this.ports.clock.monotonicMs());
    if (this.limits.events_per_day > 0) this.events_today = this.eventsOf(this.today()) + events;
  }

  /** Events that count against the quota of `day`. */
  eventsOf(day: number): number {
    return day === this.day ? this.events_today : 0;
  }

  /** Begins a new day when it has come. A clock that goes back does not begin an old one again. */
  private today(): number {
    const day = dayOf(this.ports.clock.nowMs());
    if (day > this.day) {
      this.day = day;
      this.events_today = 0;
    }
    return this.day;
  }

  private refuse(code: RateRefusal['code'], limit: number, unit: string, wait_ms: number): RateRefusal {
    const reset_s = Math.max(1, Math.ceil(wait_ms / 1000));
    const spread_s = Math.min(SPREAD_S_MAX, Math.max(SPREAD_S_MIN, reset_s));
    return { code, limit, unit, reset_s, retry_after_s: reset_s + Math.floor(this.ports.random.fraction() * spread_s) };
  }
}

/** The day of UTC that a time is in, counted from the epoch. */
export function dayOf(time_ms: number): number {
  return Math.floor(time_ms / DAY_MS);
}

function resized(bucket: TokenBucket | undefined, rate: number, burst_seconds: number, now_ms: number): TokenBucket | undefined {
  if (rate === 0) return undefined;
  const capacity = rate * burst_seconds;
  if (bucket === undefined) return new TokenBucket(rate, capacity, now_ms);
  bucket.resize(rate, capacity, now_ms);
  return bucket;
}

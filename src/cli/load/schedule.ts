/** When the next batch is due and how large it is, until the time or the events are used up. */

export interface Pace {
  /** Events per second; 0: each batch is due as soon as a connection is free. */
  readonly rate_events_per_s: number;
  readonly batch_events: number;
  /** Infinity: no limit. */
  readonly seconds_max: number;
  /** Infinity: no limit. */
  readonly events_max: number;
}

export interface DueBatch {
  readonly events: number;
  /** On the clock's monotonic scale; in the past when the connections do not keep up. */
  readonly due_ms: number;
}

export class Schedule {
  private readonly pace: Pace;
  private readonly start_ms: number;
  private planned_events = 0;

  constructor(pace: Pace, start_ms: number) {
    this.pace = pace;
    this.start_ms = start_ms;
  }

  /** Hands out the next batch, or undefined when there is none. */
  next(now_ms: number): DueBatch | undefined {
    if (this.isOver(now_ms)) return undefined;
    const { batch_events, events_max } = this.pace;
    const batch = { events: Math.min(batch_events, events_max - this.planned_events), due_ms: this.dueMs(now_ms) };
    this.planned_events += batch.events;
    return batch;
  }

  /** Whether all batches were handed out. */
  isOver(now_ms: number): boolean {
    const end_ms = this.start_ms + this.pace.seconds_max * 1000;
    return this.planned_events >= this.pace.events_max || now_ms >= end_ms || this.dueMs(now_ms) >= end_ms;
  }

  /** How much of the load is done, 0 to 1: by time or by events, whichever is further. */
  progress(now_ms: number, sent_events: number): number {
    const by_time = (now_ms - this.start_ms) / (this.pace.seconds_max * 1000);
    return Math.min(1, Math.max(by_time, sent_events / this.pace.events_max));
  }

  private dueMs(now_ms: number): number {
    const { rate_events_per_s } = this.pace;
    return rate_events_per_s === 0 ? now_ms : this.start_ms + (this.planned_events * 1000) / rate_events_per_s;
  }
}

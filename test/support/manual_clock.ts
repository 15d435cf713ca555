/** A clock that stands still until it is turned. */
import type { Clock, Timer } from '../../src/contract/ports.ts';

interface Scheduled {
  readonly due_ms: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  private readonly timers = new Set<Scheduled>();

  constructor(private time_ms: number) {}

  nowMs(): number {
    return this.time_ms;
  }

  monotonicMs(): number {
    return this.time_ms;
  }

  schedule(delay_ms: number, callback: () => void): Timer {
    const timer = { due_ms: this.time_ms + delay_ms, callback };
    this.timers.add(timer);
    return { cancel: () => this.timers.delete(timer) };
  }

  /** Turns the clock on and runs what falls due, in order. */
  advance(by_ms: number): void {
    this.time_ms += by_ms;
    const due = [...this.timers].filter((timer) => timer.due_ms <= this.time_ms).sort((left, right) => left.due_ms - right.due_ms);
    for (const timer of due) {
      if (this.timers.delete(timer)) timer.callback();
    }
  }
}

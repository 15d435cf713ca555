/** Waiting that somebody else can end: all who sleep on the clock for one purpose. */
import type { Clock } from '../../contract/ports.ts';

export class Sleepers {
  private readonly clock: Clock;
  private readonly waking = new Set<() => void>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  count(): number {
    return this.waking.size;
  }

  /** Resolves after `delay_ms`, or as soon as everybody is woken; the caller looks again which it was. */
  sleep(delay_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.waking.delete(wake);
        resolve();
      };
      const timer = this.clock.schedule(delay_ms, wake);
      this.waking.add(wake);
    });
  }

  wakeAll(): void {
    for (const wake of [...this.waking]) wake();
  }
}

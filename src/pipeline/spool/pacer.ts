/** Keeps long computations on the main thread from holding up everything else: asks to step aside after about a millisecond. */
import type { Clock } from '../../contract/ports.ts';

const TURN_MS_MAX = 1;

export class Pacer {
  private turn_start_ms: number;

  constructor(private readonly clock: Clock) {
    this.turn_start_ms = clock.monotonicMs();
  }

  /** Whether this turn of the event loop was long enough; then `pause`. */
  isDue(): boolean {
    return this.clock.monotonicMs() - this.turn_start_ms >= TURN_MS_MAX;
  }

  /** Lets the event loop do everything else that waits. */
  async pause(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.turn_start_ms = this.clock.monotonicMs();
  }
}

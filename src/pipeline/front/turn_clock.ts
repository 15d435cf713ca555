/**
 * When the present turn of the event loop began, as far as requests are concerned: when the first of them was read. The others of the turn were there
 * by then and waited on their sockets, which nobody else sees.
 */
import type { Clock } from '../../contract/ports.ts';

export class TurnClock {
  private start_ms: number | undefined;
  private readonly end = (): void => {
    this.start_ms = undefined;
  };

  constructor(private readonly clock: Clock) {}

  startMs(): number {
    if (this.start_ms === undefined) {
      this.start_ms = this.clock.monotonicMs();
      setImmediate(this.end);
    }
    return this.start_ms;
  }
}

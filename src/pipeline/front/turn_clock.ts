/**
 * When the present turn of the event loop began, as far as requests are concerned: when the first of them was read. The others of the turn were there
 * by then and waited on their sockets, which nobody else sees.
 */
import type { Clock } from '../../contract/ports.ts';

/** Of an average that forgets. */
const NEWEST_SHARE = 1 / 8;

export class TurnClock {
  private start_ms: number | undefined;
  private length_ms = 0;
  private readonly end = (): void => {
    const length_ms = this.clock.monotonicMs() - (this.start_ms ?? 0);
    this.length_ms += (length_ms - this.length_ms) * NEWEST_SHARE;
    this.start_ms = undefined;
  };

  constructor(private readonly clock: Clock) {}

  /** How long turns in which requests are read are lately. */
  lengthMs(): number {
    return this.length_ms;
  }

  startMs(): number {
    if (this.start_ms === undefined) {
      this.start_ms = this.clock.monotonicMs();
      setImmediate(this.end);
    }
    return this.start_ms;
  }
}

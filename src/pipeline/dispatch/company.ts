/**
 * The wait for company: after a trip that many requests shared, the next slab waits a moment, since those who were just answered are
 * about to send again, and one trip for all costs less than one for each half of them.
 */
import type { Clock } from '../../contract/ports.ts';

const REQUESTS_MIN = 8;
const WAIT_MS = 1;

export class Company {
  /** While it is true a slab has reason to wait. */
  is_awaited = false;

  constructor(
    private readonly clock: Clock,
    private readonly came: () => void,
  ) {}

  /** A trip of so many requests has ended. */
  tripEnded(requests: number): void {
    if (this.is_awaited || requests < REQUESTS_MIN) return;
    this.is_awaited = true;
    this.clock.schedule(WAIT_MS, () => {
      this.is_awaited = false;
      this.came();
    });
  }
}

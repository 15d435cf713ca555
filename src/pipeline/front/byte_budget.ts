/**
 * Bytes of request bodies that are in memory at one time, over all connections. What does not fit is refused at once. On top of
 * them there is a reserve for the few whose sender gives up when it is refused.
 */
import { assert } from '../../base/assert.ts';
import { BODY_RESERVE_FRACTION } from '../../contract/reserve.ts';

export class ByteBudget {
  private used_bytes = 0;

  constructor(private bytes_max: number) {}

  take(bytes: number, uses_reserve = false): boolean {
    const bytes_max = uses_reserve ? this.bytes_max * (1 + BODY_RESERVE_FRACTION) : this.bytes_max;
    if (this.used_bytes + bytes > bytes_max) return false;
    this.used_bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used_bytes -= bytes;
    assert(this.used_bytes >= 0, 'BUG: more bytes were given back to the budget than were taken');
  }

  /** What is taken stays taken; below it nothing more is. */
  setBytesMax(bytes_max: number): void {
    this.bytes_max = bytes_max;
  }

  used(): number {
    return this.used_bytes;
  }
}

/** Bytes of request bodies that are in memory at one time, over all connections. What does not fit is refused at once. */
import { assert } from '../../base/assert.ts';

export class ByteBudget {
  private used_bytes = 0;

  constructor(private bytes_max: number) {}

  take(bytes: number): boolean {
    if (this.used_bytes + bytes > this.bytes_max) return false;
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

/**
 * The memory that one sealing works in, lent to the next one afterwards: fresh memory is zeroed by the system page by page, which
 * cost more than to copy the columns into it.
 *
 * Bounded: a window, an output buffer, and HELD_BYTES_MAX for what is held of columns; what needs more gets memory of its own. It grows
 * with what was needed, so that a daemon that seals little holds little.
 */
import { OUTPUT_BUFFER_BYTES } from './native_writer.ts';
import { WINDOW_BYTES } from './window_reader.ts';

/** Held columns of one reading. */
export const HELD_BYTES_MAX = 8 << 20;

const HELD_BYTES_MIN = 256 << 10;
const ALIGNMENT_BYTES = 8;

export class SealMemory {
  readonly window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  readonly output = Buffer.allocUnsafeSlow(OUTPUT_BUFFER_BYTES);
  private held = Buffer.allocUnsafeSlow(HELD_BYTES_MIN);
  private held_bytes = 0;

  /** So many bytes, not zeroed and 8-byte aligned, until `release`. */
  hold(bytes: number): Buffer {
    const start = this.held_bytes;
    const end = start + Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    this.held_bytes = end;
    return end > this.held.length ? Buffer.allocUnsafeSlow(bytes) : this.held.subarray(start, start + bytes);
  }

  /** Ends the use of all that is held, and makes room for as much the next time. */
  release(): void {
    const wanted_bytes = Math.min(this.held_bytes, HELD_BYTES_MAX);
    if (wanted_bytes > this.held.length) this.held = Buffer.allocUnsafeSlow(wanted_bytes);
    this.held_bytes = 0;
  }
}

/**
 * The memory that one sealing works in, lent to the next one afterwards: fresh memory is zeroed by the system page by page, which
 * cost more than to copy the columns into it.
 *
 * Bounded: a window, an output buffer, and HELD_BYTES_MAX for what is held of columns; what needs more gets memory of its own.
 */
import { OUTPUT_BUFFER_BYTES } from './native_writer.ts';
import { WINDOW_BYTES } from './window_reader.ts';

/** Held columns of one reading. */
export const HELD_BYTES_MAX = 8 << 20;

const ALIGNMENT_BYTES = 8;

export class SealMemory {
  readonly window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  readonly output = Buffer.allocUnsafeSlow(OUTPUT_BUFFER_BYTES);
  private readonly held = Buffer.allocUnsafeSlow(HELD_BYTES_MAX);
  private held_bytes = 0;

  /** So many bytes, not zeroed and 8-byte aligned, until `release`. */
  hold(bytes: number): Buffer {
    const start = this.held_bytes;
    const end = start + Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    if (end > HELD_BYTES_MAX) return Buffer.allocUnsafeSlow(bytes);
    this.held_bytes = end;
    return this.held.subarray(start, start + bytes);
  }

  /** Ends the use of all that is held. */
  release(): void {
    this.held_bytes = 0;
  }
}

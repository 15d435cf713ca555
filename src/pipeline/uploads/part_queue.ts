/**
 * The parts of a body between the socket that brings them and the upload that reads them. Bounded: beyond `bytes_max` the socket is
 * told to pause, until the upload has read what is here. Owner of a few buffers, which are used again and again.
 */
import { assert } from '../../base/assert.ts';
import { OperatingError } from '../../contract/errors.ts';
import type { PartSource, UploadIntake } from '../../contract/upload.ts';

/** Short parts are joined: a slow network brings many of them. */
const BUFFER_BYTES = 1 << 18;

/** A buffer and how much of it was filled. */
interface Filled {
  readonly bytes: Buffer;
  used: number;
}

export class PartQueue implements AsyncIterable<Uint8Array>, UploadIntake {
  private readonly filled: Filled[] = [];
  private readonly idle: Buffer[] = [];
  private queued_bytes = 0;
  private is_paused = false;
  private has_ended = false;
  private is_broken_off = false;
  private wake: (() => void) | undefined;

  constructor(
    private readonly source: PartSource,
    private readonly bytes_max: number,
  ) {}

  push(part: Uint8Array): void {
    assert(!this.has_ended, 'BUG: a body goes on after its end');
    for (let at = 0; at < part.length; ) {
      const last = this.roomyBuffer();
      const taken = part.subarray(at, at + BUFFER_BYTES - last.used);
      last.bytes.set(taken, last.used);
      last.used += taken.length;
      at += taken.length;
    }
    this.queued_bytes += part.length;
    if (this.queued_bytes > this.bytes_max && !this.is_paused) {
      this.is_paused = true;
      this.source.pause();
    }
    this.notify();
  }

  /** The body is whole. The socket is the next request's from here on, which could not know that it is paused. */
  end(): void {
    this.has_ended = true;
    this.resume();
    this.notify();
  }

  /** Whoever reads the body learns it at once. */
  breakOff(): void {
    this.is_broken_off = true;
    this.notify();
  }

  /** Each part is lent until the next one is asked for. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.is_broken_off) throw new OperatingError('upload_broken_off');
      const first = this.filled.shift();
      if (first !== undefined) {
        this.queued_bytes -= first.used;
        if (this.queued_bytes <= this.bytes_max / 2) this.resume();
        yield first.bytes.subarray(0, first.used);
        this.idle.push(first.bytes);
      } else if (this.has_ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
  }

  private roomyBuffer(): Filled {
    const last = this.filled.at(-1);
    if (last !== undefined && last.used < BUFFER_BYTES) return last;
    const next = { bytes: this.idle.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES), used: 0 };
    this.filled.push(next);
    return next;
  }

  private resume(): void {
    if (!this.is_paused) return;
    this.is_paused = false;
    this.source.resume();
  }

  private notify(): void {
    this.wake?.();
    this.wake = undefined;
  }
}

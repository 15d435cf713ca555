/**
 * The parts of a body between the socket that brings them and the upload that reads them. Bounded: beyond `bytes_max` the socket is
 * told to pause, until the upload has read what is here.
 */
import { assert } from '../../base/assert.ts';
import { OperatingError } from '../../contract/errors.ts';
import type { PartSource, UploadIntake } from '../../contract/upload.ts';

export class PartQueue implements AsyncIterable<Uint8Array>, UploadIntake {
  private readonly parts: Uint8Array[] = [];
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
    this.parts.push(part);
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

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.is_broken_off) throw new OperatingError('upload_broken_off');
      const part = this.parts.shift();
      if (part !== undefined) {
        this.queued_bytes -= part.length;
        if (this.queued_bytes <= this.bytes_max / 2) this.resume();
        yield part;
      } else if (this.has_ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
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

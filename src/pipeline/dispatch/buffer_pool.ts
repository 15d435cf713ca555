/** Buffers of one size, used again and again: a fresh one costs its zeroing and its page faults. */
export class BufferPool {
  private readonly free: SharedArrayBuffer[] = [];

  constructor(
    readonly buffer_bytes: number,
    private readonly kept_max: number,
  ) {}

  take(): SharedArrayBuffer {
    return this.free.pop() ?? new SharedArrayBuffer(this.buffer_bytes);
  }

  /** Takes a buffer back; one of another size, or one too many, is left to the garbage collector. */
  give(buffer: SharedArrayBuffer): void {
    if (buffer.byteLength === this.buffer_bytes && this.free.length < this.kept_max) this.free.push(buffer);
  }
}

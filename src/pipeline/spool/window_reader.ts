/**
 * Reads ranges of a file through one window of bounded size, so that many small ranges that follow each other cost one read.
 *
 * Owner of the window, not of the file. What `read` returns is valid until the next `read`. A single range longer than the window makes it as long as
 * that range, which was in memory once as a block.
 */
import type { FileHandle } from '../../contract/ports.ts';

/** What is read at once. */
export const WINDOW_BYTES = 1 << 20;

export class WindowReader {
  private window: Buffer = Buffer.alloc(0);
  private window_offset = 0;

  constructor(
    private readonly file: FileHandle,
    /** Nothing is read at or behind this offset. */
    readonly end_bytes: number,
    /** Lent for as long as there are reads; more is allocated where it is too small. */
    private storage: Buffer<ArrayBufferLike> = Buffer.alloc(0),
  ) {}

  /**
   * The bytes [offset, offset + length), or fewer where the file ends before.
   *
   * @param useful_end bytes up to this offset will be asked for next, so that they may be read now
   */
  async read(offset: number, length: number, useful_end: number = this.end_bytes): Promise<Buffer> {
    const end = Math.min(offset + length, this.end_bytes);
    const is_present = offset >= this.window_offset && end <= this.window_offset + this.window.length;
    if (!is_present) await this.load(offset, Math.max(end, Math.min(useful_end, offset + WINDOW_BYTES, this.end_bytes)));
    const start_in_window = offset - this.window_offset;
    return this.window.subarray(start_in_window, Math.max(start_in_window, end - this.window_offset));
  }

  private async load(offset: number, end: number): Promise<void> {
    const wanted_bytes = Math.max(0, end - offset);
    this.window = Buffer.alloc(0);
    if (this.storage.length < wanted_bytes) {
      this.storage = Buffer.allocUnsafeSlow(Math.max(wanted_bytes, Math.min(WINDOW_BYTES, this.end_bytes - offset)));
    }
    const into = this.storage.subarray(0, wanted_bytes);
    const read_bytes = await this.file.read(into, offset);
    this.window = into.subarray(0, read_bytes);
    this.window_offset = offset;
  }
}

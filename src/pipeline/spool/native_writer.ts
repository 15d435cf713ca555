/**
 * Writes a Native block into a sealed segment's file: gathers small pieces, counts, and keeps the running checksum.
 *
 * Bounded: one buffer of OUTPUT_BUFFER_BYTES. Syncs as it goes, in small steps with rests between them, since a disk works off one sync after the other:
 * beside steps of 2 MiB one sync in a hundred of an open segment took 10 to 11 ms here, beside steps of 512 KiB with rests 3 to 4.
 */
import { crc32 } from 'node:zlib';
import type { FileHandle } from '../../contract/ports.ts';
import { writeFully } from './file_io.ts';
import type { Pacer } from './pacer.ts';

export const OUTPUT_BUFFER_BYTES = 1 << 19;
/** A piece this long is written as it is rather than copied. */
const DIRECT_BYTES_MIN = 1 << 16;
const SYNC_EVERY_BYTES = 1 << 19;
const DIRECT_BYTES_MAX = SYNC_EVERY_BYTES;

export class NativeWriter {
  /** Of all bytes that were flushed. */
  crc = 0;
  private flushed_bytes = 0;
  private synced_bytes = 0;
  private buffered_bytes = 0;

  /** @param buffer OUTPUT_BUFFER_BYTES, lent for as long as there are writes; none for `writeAll` alone */
  constructor(
    private readonly file: FileHandle,
    private readonly pacer: Pacer,
    private readonly buffer: Buffer = Buffer.allocUnsafeSlow(OUTPUT_BUFFER_BYTES),
  ) {}

  nativeBytes(): number {
    return this.flushed_bytes + this.buffered_bytes;
  }

  /** Takes the bytes; they may be reused as soon as the promise is resolved. Without one they were taken at once. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length >= DIRECT_BYTES_MIN || bytes.length > this.buffer.length - this.buffered_bytes) return this.writeBehind(bytes);
    this.buffer.set(bytes, this.buffered_bytes);
    this.buffered_bytes += bytes.length;
    return undefined;
  }

  /** Writes what is buffered, and then the bytes, or buffers them. */
  private async writeBehind(bytes: Uint8Array): Promise<void> {
    await this.flush();
    if (bytes.length < DIRECT_BYTES_MIN) {
      await this.write(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; at += DIRECT_BYTES_MAX) await this.writeOut([bytes.subarray(at, at + DIRECT_BYTES_MAX)]);
  }

  /** Writes the pieces as they are, many with one call. */
  async writeAll(pieces: readonly Buffer[]): Promise<void> {
    await this.flush();
    let batch: Buffer[] = [];
    let batch_bytes = 0;
    for (const piece of pieces) {
      batch.push(piece);
      batch_bytes += piece.length;
      if (batch_bytes < DIRECT_BYTES_MAX) continue;
      await this.writeOut(batch);
      batch = [];
      batch_bytes = 0;
    }
    if (batch_bytes > 0) await this.writeOut(batch);
  }

  async flush(): Promise<void> {
    const bytes = this.buffer.subarray(0, this.buffered_bytes);
    if (bytes.length > 0) await this.writeOut([bytes]);
    this.buffered_bytes = 0;
  }

  private async writeOut(pieces: readonly Uint8Array[]): Promise<void> {
    let bytes = 0;
    for (const piece of pieces) {
      this.crc = crc32(piece, this.crc);
      bytes += piece.length;
    }
    await writeFully(this.file, pieces, this.flushed_bytes);
    this.flushed_bytes += bytes;
    if (this.flushed_bytes - this.synced_bytes < SYNC_EVERY_BYTES) return;
    await this.pacer.share(() => this.file.datasync());
    this.synced_bytes = this.flushed_bytes;
  }
}

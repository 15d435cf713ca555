/**
 * Whether bytes are one frame of Zstandard (RFC 8878, section 3.1) from its first to its last byte, as far as its heads and lengths say.
 *
 * Node 22 passes over a frame that is cut short as if it were whole, and over what stands behind one or not, as the parts come: an NDJSON
 * body without its second half would be acknowledged. What is in the frame is for the decompressor to judge.
 */

type Head = 'frame' | 'block';

/** The magic number and the descriptor; a block's length with its kind. */
const HEAD_BYTES: Readonly<Record<Head, number>> = { frame: 5, block: 3 };
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const CHECKSUM_BYTES = 4;
/** The kind of a block that is one byte, repeated. */
const REPEATED = 1;

export class ZstdFrame {
  private awaited: Head | undefined = 'frame';
  private readonly head: number[] = [];
  /** To be passed over before the next head, or the end. */
  private bytes_left = 0;
  private checksum_bytes = 0;
  private goes_on = false;

  /** Takes the next bytes, which are only lent. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const passed = Math.min(this.bytes_left, bytes.length - at);
      this.bytes_left -= passed;
      at += passed;
      if (at === bytes.length) return;
      if (this.awaited === undefined) {
        this.goes_on = true;
        return;
      }
      this.head.push(bytes[at++]);
      if (this.head.length === HEAD_BYTES[this.awaited]) this.readHead(this.awaited, this.head.splice(0));
    }
  }

  /** Whether the frame has ended with the last byte. */
  isComplete(): boolean {
    return this.awaited === undefined && this.bytes_left === 0 && !this.goes_on;
  }

  private readHead(kind: Head, bytes: readonly number[]): void {
    this.awaited = 'block';
    if (kind === 'frame') {
      const [descriptor = 0] = bytes.slice(-1);
      const is_single_segment = (descriptor & 32) !== 0;
      const content_size_bytes = is_single_segment && descriptor < 64 ? 1 : CONTENT_SIZE_BYTES[descriptor >> 6];
      this.bytes_left = (is_single_segment ? 0 : 1) + DICTIONARY_ID_BYTES[descriptor & 3] + content_size_bytes;
      this.checksum_bytes = (descriptor & 4) === 0 ? 0 : CHECKSUM_BYTES;
      return;
    }
    const [low = 0, middle = 0, high = 0] = bytes;
    this.bytes_left = ((low >> 1) & 3) === REPEATED ? 1 : (low >> 3) + middle * 32 + high * 8192;
    if ((low & 1) === 0) return;
    this.awaited = undefined;
    this.bytes_left += this.checksum_bytes;
  }
}

/** Whether the bytes are one such frame. */
export function isZstdFrame(bytes: Uint8Array): boolean {
  const frame = new ZstdFrame();
  frame.push(bytes);
  return frame.isComplete();
}

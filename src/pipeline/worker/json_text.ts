/** JSON text while it is written, in UTF-8. Owner: whoever writes it; `finish` gives the bytes away. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** The longest escape of one byte, `\u0001`. */
const ESCAPE_BYTES_MAX = 6;
const HEX = '0123456789abcdef';

export class JsonText {
  /** Bytes written. */
  length = 0;
  private bytes: Buffer;

  /** @param expected_bytes about how long the text will be */
  constructor(expected_bytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(expected_bytes + (expected_bytes >> 1) + 64);
  }

  /** Appends ASCII as it is. */
  raw(ascii: string): void {
    this.reserve(ascii.length);
    for (let index = 0; index < ascii.length; index++) this.bytes[this.length++] = ascii.charCodeAt(index);
  }

  /**
   * Appends the UTF-8 at [start, end) of `source` as a string: quoted, and escaped where JSON must.
   *
   * @returns whether all of it is ASCII
   */
  text(source: Buffer, start: number, end: number): boolean {
    this.reserve((end - start) * ESCAPE_BYTES_MAX + 2);
    // Members are not written byte by byte: that is most of what a byte would cost.
    const { bytes } = this;
    let length = this.length;
    let all_bits = 0;
    bytes[length++] = QUOTE;
    for (let at = start; at < end; at++) {
      const byte = source[at];
      all_bits |= byte;
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) bytes[length++] = byte;
      else length = this.escape(byte, length);
    }
    bytes[length++] = QUOTE;
    this.length = length;
    return all_bits < 0x80;
  }

  /** Forgets what was written after `length` bytes. */
  truncate(length: number): void {
    this.length = length;
  }

  finish(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  /** Writes at `start`; returns where it ends. */
  private escape(byte: number, start: number): number {
    const { bytes } = this;
    let length = start;
    bytes[length++] = BACKSLASH;
    if (byte >= 0x20) {
      bytes[length++] = byte;
      return length;
    }
    for (const character of `u00${HEX[byte >> 4]}${HEX[byte & 15]}`) bytes[length++] = character.charCodeAt(0);
    return length;
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + bytes));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

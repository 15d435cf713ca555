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

  /** Appends the UTF-8 at [start, end) of `source` as a string: quoted, and escaped where JSON must. */
  text(source: Buffer, start: number, end: number): void {
    this.reserve((end - start) * ESCAPE_BYTES_MAX + 2);
    this.bytes[this.length++] = QUOTE;
    for (let at = start; at < end; at++) {
      const byte = source[at];
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) this.bytes[this.length++] = byte;
      else this.escape(byte);
    }
    this.bytes[this.length++] = QUOTE;
  }

  /** Forgets what was written after `length` bytes. */
  truncate(length: number): void {
    this.length = length;
  }

  finish(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  private escape(byte: number): void {
    this.bytes[this.length++] = BACKSLASH;
    if (byte >= 0x20) {
      this.bytes[this.length++] = byte;
      return;
    }
    for (const character of `u00${HEX[byte >> 4]}${HEX[byte & 15]}`) this.bytes[this.length++] = character.charCodeAt(0);
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + bytes));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

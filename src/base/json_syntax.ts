/**
 * Whether bytes are JSON, found out without building anything of it: for bodies that are too deep or have too many keys to be
 * parsed. Memory is one byte per level of nesting; time is that of one look at each byte.
 */

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SIMPLE_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));
const WORDS: readonly Buffer[] = ['true', 'false', 'null'].map((word) => Buffer.from(word));
const LEVELS_AT_FIRST = 1024;

function isHexadecimal(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}

/** What may come next: a value, a key, or what stands behind a value. `first_` where the container may end at once. */
type Expected = 'value' | 'first_value' | 'key' | 'first_key' | 'end';

class SyntaxReader {
  private at = 0;
  /** The opening byte of every container that is open. */
  private levels = new Uint8Array(LEVELS_AT_FIRST);
  private depth = 0;
  private expected: Expected = 'value';

  constructor(private readonly bytes: Buffer) {}

  isJson(): boolean {
    for (;;) {
      this.skipSpace();
      if (this.at >= this.bytes.length) return this.expected === 'end' && this.depth === 0;
      if (!this.step(this.bytes[this.at])) return false;
    }
  }

  /** Reads one token, and what follows from it. */
  private step(byte: number): boolean {
    switch (this.expected) {
      case 'value':
        return this.value(byte);
      case 'first_value':
        return byte === CLOSE_BRACKET ? this.close(OPEN_BRACKET) : this.value(byte);
      case 'key':
        return this.key();
      case 'first_key':
        return byte === CLOSE_BRACE ? this.close(OPEN_BRACE) : this.key();
      case 'end':
        return this.behindValue(byte);
    }
  }

  private value(byte: number): boolean {
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return this.open(byte);
    this.expected = 'end';
    if (byte === QUOTE) return this.string();
    return this.word() || this.number();
  }

  private behindValue(byte: number): boolean {
    if (this.depth === 0) return false;
    const container = this.levels[this.depth - 1];
    if (byte === CLOSE_BRACE) return this.close(OPEN_BRACE);
    if (byte === CLOSE_BRACKET) return this.close(OPEN_BRACKET);
    this.at++;
    this.expected = container === OPEN_BRACE ? 'key' : 'value';
    return byte === COMMA;
  }

  private open(byte: number): boolean {
    if (this.depth === this.levels.length) {
      const levels = new Uint8Array(2 * this.depth);
      levels.set(this.levels);
      this.levels = levels;
    }
    this.levels[this.depth++] = byte;
    this.at++;
    this.expected = byte === OPEN_BRACE ? 'first_key' : 'first_value';
    return true;
  }

  private close(opening: number): boolean {
    if (this.levels[--this.depth] !== opening) return false;
    this.at++;
    this.expected = 'end';
    return true;
  }

  private key(): boolean {
    if (!this.string()) return false;
    this.skipSpace();
    this.expected = 'value';
    return this.bytes[this.at++] === COLON;
  }

  private string(): boolean {
    if (this.bytes[this.at] !== QUOTE) return false;
    for (this.at++; this.at < this.bytes.length; this.at++) {
      const byte = this.bytes[this.at];
      if (byte < 0x20) return false;
      if (byte === QUOTE) {
        this.at++;
        return true;
      }
      if (byte === BACKSLASH && !this.escape()) return false;
    }
    return false;
  }

  /** Leaves `at` at the escape's last byte. */
  private escape(): boolean {
    const byte = this.bytes[++this.at];
    if (byte !== LOWER_U) return SIMPLE_ESCAPES.has(byte);
    const start = this.at + 1;
    this.at += 4;
    return this.at < this.bytes.length && this.bytes.subarray(start, start + 4).every(isHexadecimal);
  }

  private word(): boolean {
    const word = WORDS.find((each) => each.equals(this.bytes.subarray(this.at, this.at + each.length)));
    this.at += word?.length ?? 0;
    return word !== undefined;
  }

  private number(): boolean {
    if (this.bytes[this.at] === MINUS) this.at++;
    const has_leading_zero = this.bytes[this.at] === ZERO;
    const digits = this.digits();
    if (digits === 0 || (has_leading_zero && digits > 1)) return false;
    if (this.bytes[this.at] === DOT) {
      this.at++;
      if (this.digits() === 0) return false;
    }
    if ((this.bytes[this.at] | 0x20) !== LOWER_E) return true;
    this.at++;
    if (this.bytes[this.at] === PLUS || this.bytes[this.at] === MINUS) this.at++;
    return this.digits() > 0;
  }

  private digits(): number {
    const start = this.at;
    while (this.bytes[this.at] >= ZERO && this.bytes[this.at] <= 0x39) this.at++;
    return this.at - start;
  }

  private skipSpace(): void {
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.at++;
    }
  }
}

/** Whether the bytes, which are UTF-8, are what JSON.parse would accept, however deep. */
export function isJson(bytes: Buffer): boolean {
  return new SyntaxReader(bytes).isJson();
}

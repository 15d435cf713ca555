/**
 * Recognises the usual document in one pass over its bytes: no key twice in an object, none with a dot or an escape, no escaped units,
 * short numbers. It knows that it looks at JSON, so that only what else ClickHouse's JSON type asks for is left to look for. It never says
 * yes to what the guard's reader refuses; whatever else there is, that one decides.
 */

/** Keys that are open at one time, of an object and of those around it: they are compared each with each. */
const KEYS_MAX = 128;
const DEPTH_MAX = 32;
/** A number of so many characters is far inside of what Int64 and a double hold. */
const NUMBER_CHARACTERS_MAX = 15;

const QUOTE = 0x22;
const MINUS = 0x2d;
const DOT = 0x2e;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

class Recogniser {
  /** Hashes of the keys that are open, the innermost object's last. Equal keys have equal hashes, which is what matters. */
  private readonly keys = new Int32Array(KEYS_MAX);
  private key_count = 0;
  /** How many keys were open when each level began. */
  private readonly starts = new Int32Array(DEPTH_MAX + 1);
  private has_escape = false;

  isPlain(bytes: Uint8Array): boolean {
    if (bytes.length === 0 || bytes[0] !== OPEN_BRACE) return false;
    this.key_count = 0;
    let depth = 0;
    for (let at = 0; at < bytes.length; ) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        const end = this.stringEnd(bytes, at + 1);
        if (end === 0) return false;
        if (bytes[end] === COLON ? !this.noteKey(bytes, at + 1, end - 1, depth) : bytes[end] <= 0x20) return false;
        at = end;
      } else if (byte <= NINE && byte >= MINUS) {
        at = numberEnd(bytes, at);
        if (at === 0) return false;
      } else {
        if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
          if (depth === DEPTH_MAX) return false;
          this.starts[++depth] = this.key_count;
        } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.key_count = this.starts[depth--];
        at++;
      }
    }
    return true;
  }

  /** The offset behind the closing quote; 0 when there is an escaped unit in it. */
  private stringEnd(bytes: Uint8Array, from: number): number {
    this.has_escape = false;
    for (let at = from; ; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) return at + 1;
      if (byte !== BACKSLASH) continue;
      this.has_escape = true;
      if (bytes[++at] === LOWER_U) return 0;
    }
  }

  /** False when the key may be there already, or is no plain one. */
  private noteKey(bytes: Uint8Array, start: number, end: number, depth: number): boolean {
    if (this.has_escape || this.key_count === KEYS_MAX) return false;
    let hash = end - start;
    for (let at = start; at < end; at++) {
      if (bytes[at] === DOT) return false;
      hash = (Math.imul(hash, 31) + bytes[at]) | 0;
    }
    for (let key = this.starts[depth]; key < this.key_count; key++) if (this.keys[key] === hash) return false;
    this.keys[this.key_count++] = hash;
    return true;
  }
}

/** The offset behind a short number without an exponent; 0 when it is another. */
function numberEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (bytes[at] <= NINE && bytes[at] >= MINUS) at++;
  const is_other = at - start > NUMBER_CHARACTERS_MAX || bytes[at] === LOWER_E || bytes[at] === UPPER_E;
  return is_other ? 0 : at;
}

const recogniser = new Recogniser();

/**
 * Whether the text is such a document; false says nothing about it.
 *
 * @param bytes UTF-8 of what JSON.parse takes
 */
export function isPlainDocument(bytes: Uint8Array): boolean {
  return recogniser.isPlain(bytes);
}

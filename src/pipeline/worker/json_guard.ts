/**
 * Decides whether ClickHouse's JSON type is certain to take a text. One value that it refuses would refuse the whole block, so
 * that whatever is in doubt is answered with no: the text is then kept as a plain string.
 *
 * The rules were found by experiment with ClickHouse 26.7 (`test/integration/json_column.test.ts` holds them against the
 * engine): an object; strict JSON; no lone surrogates; integers between Int64's minimum and UInt64's maximum; other numbers
 * finite; no path twice within an object, where a dot in a key joins path segments as nesting does.
 */
import type { JsonDocument } from '../../contract/json_document.ts';
import { FlatObjects } from './flat_object.ts';
import { distinctPaths, hasFewPaths } from './json_paths.ts';
import { isPlainDocument } from './plain_document.ts';

const DEPTH_MAX = 500;
/** Keys of a small object, all taken together. */
const KEYS_MAX = 1_000;
/** An integer of at most so many digits is within Int64 whatever they are. */
const SAFE_DIGITS_MAX = 18;
const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 64n - 1n;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LOWER_U = 0x75;
const SIMPLE_ESCAPES = '"\\/bfnrt';

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A reader of one text; one method per production of RFC 8259, each leaves `at` behind what it read. */
class Reader {
  private at = 0;
  private has_dotted_key = false;

  private keys_read = 0;

  /** @param keys_max how many keys the text may have in all */
  constructor(
    private readonly text: string,
    private readonly keys_max: number,
  ) {}

  isSafeObject(): boolean {
    this.skipSpace();
    if (!this.object(1)) return false;
    this.skipSpace();
    if (this.at !== this.text.length) return false;
    return !this.has_dotted_key || distinctPaths(JSON.parse(this.text));
  }

  keysRead(): number {
    return this.keys_read;
  }

  private peek(): number {
    return this.text.charCodeAt(this.at);
  }

  private take(code: number): boolean {
    if (this.text.charCodeAt(this.at) !== code) return false;
    this.at++;
    return true;
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.peek();
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private value(depth: number): boolean {
    const code = this.peek();
    if (code === QUOTE) return this.string();
    if (code === OPEN_BRACE) return this.object(depth + 1);
    if (code === OPEN_BRACKET) return this.array(depth + 1);
    if (code === MINUS || isDigit(code)) return this.number();
    return this.word('true') || this.word('false') || this.word('null');
  }

  private word(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private object(depth: number): boolean {
    if (depth > DEPTH_MAX || !this.take(OPEN_BRACE)) return false;
    this.skipSpace();
    if (this.take(CLOSE_BRACE)) return true;
    const keys = new Set<string>();
    for (;;) {
      const key = this.key();
      if (key === undefined || keys.has(key)) return false;
      keys.add(key);
      this.skipSpace();
      if (!this.take(COLON)) return false;
      this.skipSpace();
      if (!this.value(depth)) return false;
      this.skipSpace();
      if (this.take(CLOSE_BRACE)) return true;
      if (!this.take(COMMA)) return false;
      this.skipSpace();
    }
  }

  private key(): string | undefined {
    const start = this.at;
    if (this.keys_read++ === this.keys_max || !this.string()) return undefined;
    const raw = this.text.slice(start + 1, this.at - 1);
    const key: string = raw.includes('\\') ? JSON.parse(`"${raw}"`) : raw;
    if (key.includes('.')) this.has_dotted_key = true;
    return key;
  }

  private array(depth: number): boolean {
    if (depth > DEPTH_MAX || !this.take(OPEN_BRACKET)) return false;
    this.skipSpace();
    if (this.take(CLOSE_BRACKET)) return true;
    for (;;) {
      if (!this.value(depth)) return false;
      this.skipSpace();
      if (this.take(CLOSE_BRACKET)) return true;
      if (!this.take(COMMA)) return false;
      this.skipSpace();
    }
  }

  private string(): boolean {
    if (!this.take(QUOTE)) return false;
    for (;;) {
      const code = this.peek();
      // charCodeAt past the end is NaN, which fails this comparison too.
      if (!(code >= 0x20)) return false;
      this.at++;
      if (code === QUOTE) return true;
      if (code === BACKSLASH ? !this.escape() : !this.wholeCharacter(code)) return false;
    }
  }

  /** Behind a backslash. A high surrogate needs its low one as the next escape. */
  private escape(): boolean {
    if (!this.take(LOWER_U)) return this.simpleEscape();
    const unit = this.hexadecimal();
    if (unit >= 0xdc00 && unit <= 0xdfff) return false;
    if (unit < 0xd800 || unit > 0xdbff) return unit >= 0;
    if (!this.take(BACKSLASH) || !this.take(LOWER_U)) return false;
    const low = this.hexadecimal();
    return low >= 0xdc00 && low <= 0xdfff;
  }

  private simpleEscape(): boolean {
    const known = this.at < this.text.length && SIMPLE_ESCAPES.includes(this.text.charAt(this.at));
    this.at++;
    return known;
  }

  /** Four hexadecimal digits, or -1. */
  private hexadecimal(): number {
    const digits = this.text.slice(this.at, this.at + 4);
    this.at += 4;
    return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : -1;
  }

  /** Behind an unescaped unit: a surrogate must be one of a pair. */
  private wholeCharacter(code: number): boolean {
    if (code < 0xd800 || code > 0xdfff) return true;
    const low = this.peek();
    this.at++;
    return code <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
  }

  private digits(): number {
    const start = this.at;
    while (isDigit(this.peek())) this.at++;
    return this.at - start;
  }

  private number(): boolean {
    const start = this.at;
    this.take(MINUS);
    const leading_zero = this.peek() === 0x30;
    const integer_digits = this.digits();
    if (integer_digits === 0 || (leading_zero && integer_digits > 1)) return false;
    let is_integer = true;
    if (this.take(DOT)) {
      is_integer = false;
      if (this.digits() === 0) return false;
    }
    if ((this.peek() | 0x20) === 0x65) {
      is_integer = false;
      this.at++;
      if (!this.take(0x2b)) this.take(MINUS);
      if (this.digits() === 0) return false;
    }
    if (is_integer && integer_digits <= SAFE_DIGITS_MAX) return true;
    const text = this.text.slice(start, this.at);
    if (!is_integer) return Number.isFinite(Number(text));
    if (integer_digits > 20) return false;
    const integer = BigInt(text);
    return integer >= INTEGER_MIN && integer <= INTEGER_MAX;
  }
}

export class JsonGuard {
  private readonly flat = new FlatObjects();

  /** True only for an object that ClickHouse's JSON type is certain to take. */
  fitsJsonColumn(text: string): boolean {
    return this.flat.recognises(text) || new Reader(text, KEYS_MAX).isSafeObject();
  }

  /**
   * The same for a document with as many keys as it likes, as long as they make no more paths than ClickHouse merges well.
   *
   * @param document whose value JSON.parse made, and the kernel did not find too deep
   */
  fitsJsonColumnAsDocument(document: JsonDocument): boolean {
    if (isPlainDocument(document.bytes)) return true;
    const text = document.text();
    const reader = new Reader(text, text.length);
    return reader.isSafeObject() && (reader.keysRead() <= KEYS_MAX || hasFewPaths(document.value));
  }

  /** The same without the short cut. */
  fitsJsonColumnRead(text: string): boolean {
    return new Reader(text, KEYS_MAX).isSafeObject();
  }
}

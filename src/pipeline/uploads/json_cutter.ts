/**
 * Cuts a JSON body that is a batch, `{"events":[…], …}`, between two elements of its array.
 *
 * It only finds where elements end: strings and brackets are all that it reads, and whether a piece is JSON is for those to say who
 * read it. What is around the array, the shell, is kept and checked at the end, so that in the end every byte was read by somebody.
 */
import { isUtf8 } from 'node:buffer';
import { parseJson } from '../../base/json.ts';
import { isJson } from '../../base/json_syntax.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Cutter, CutterLimits, TakePiece } from './cutter.ts';

const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Depth of the members of the body, and of the elements of its array. */
const MEMBER_DEPTH = 1;
const ELEMENT_DEPTH = 2;
const DEPTH_MAX = 500;
/** What a document begins with that is none of ours, but JSON. */
const OTHER_STARTS: ReadonlySet<number> = new Set(Buffer.from('["-0123456789tfn'));
/** What may stand around the array; of white space one byte is kept. */
const SHELL_BYTES_MAX = 1 << 20;
const SHELL_BYTES_MIN = 1024;
/** What the window takes at once: it and a piece are then in the cache when they are copied. */
const STEP_BYTES = 1 << 18;
/** The longest way to write a character of a name: \u and four digits. */
const ESCAPE_BYTES_MAX = 6;

/** Finds the elements of the array while it arrives, and keeps them until they are a piece. See `kernel/element_window.ts`. */
export interface ElementWindow {
  begin(name: string, limits: CutterLimits & { readonly depth_max: number }): void;
  append(part: Uint8Array): 'more' | 'piece' | 'ended' | 'nothing' | 'too_deep';
  goOn(): 'more' | 'piece' | 'ended' | 'nothing' | 'too_deep';
  /** Lends the elements so far as a body that has no others; nothing when there is none. */
  lendPiece(use: TakePiece): void;
  dropPiece(): void;
  unreadBytes(): number;
  elementsSkipped(): number;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

export class JsonCutter implements Cutter {
  events_too_large = 0;
  private shell = Buffer.allocUnsafe(SHELL_BYTES_MIN);
  private shell_bytes = 0;
  private has_begun = false;
  /** Whether the byte before was white space between two tokens of the shell. */
  private is_behind_space = false;
  private depth = 0;
  private is_string = false;
  /** Whether the byte before was a backslash that escapes this one. */
  private is_escaped = false;
  /** Whether the bytes are those of the array's elements. */
  private is_in_array = false;
  private has_array = false;
  /** Members that are called as the array is. */
  private batches = 0;
  /** The last text at the depth of members, with its quotes, as far as it may be the array's name. */
  private member: number[] = [];
  private readonly member_bytes_max: number;
  /** Whether a colon came after that name: then the next value is the array. */
  private is_named = false;
  private problem: ErrorCode | undefined;

  /** @param window in nobody else's use */
  constructor(
    private readonly batch: string,
    private readonly limits: CutterLimits,
    private readonly window: ElementWindow,
  ) {
    this.member_bytes_max = batch.length * ESCAPE_BYTES_MAX + 2;
  }

  push(bytes: Uint8Array, take: TakePiece): ErrorCode | undefined {
    let at = 0;
    while (at < bytes.length && this.problem === undefined) {
      at = this.is_in_array ? this.readElements(bytes, at, take) : this.readShell(bytes, at);
    }
    return this.problem;
  }

  end(take: TakePiece): ErrorCode | undefined {
    if (this.problem !== undefined) return this.problem;
    const problem = this.shellProblem();
    if (problem === undefined) this.window.lendPiece(take);
    return problem;
  }

  /** Reads from `at` to where the array begins, or to the end of the bytes; returns where it stopped. */
  private readShell(bytes: Uint8Array, start: number): number {
    let at = start;
    while (at < bytes.length && !this.is_in_array && this.problem === undefined) {
      const byte = bytes[at++];
      const is_space = !this.is_string && isSpace(byte);
      if (!is_space) this.readShellByte(byte);
      if (!is_space || !this.is_behind_space) this.keepShell(byte);
      this.is_behind_space = is_space;
    }
    return at;
  }

  private readShellByte(byte: number): void {
    if (this.is_string) {
      this.readShellText(byte);
      return;
    }
    if (this.depth === 0) this.begin(byte);
    switch (byte) {
      case QUOTE:
        this.is_string = true;
        if (this.depth === MEMBER_DEPTH) this.member = [byte];
        this.is_named = false;
        return;
      case COLON:
        if (this.depth === MEMBER_DEPTH) this.readName();
        return;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        this.open(byte);
        return;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        this.depth--;
        return;
      default:
        this.is_named = false;
    }
  }

  /** The body must be one object, and nothing may stand behind it. */
  private begin(byte: number): void {
    if (this.has_begun) this.problem = 'not_json';
    else if (byte !== OPEN_BRACE) this.problem = OTHER_STARTS.has(byte) ? 'not_an_object' : 'not_json';
    this.has_begun = true;
  }

  private readShellText(byte: number): void {
    // One byte more than the longest way to write the name tells a longer one from it.
    if (this.depth === MEMBER_DEPTH && this.member.length <= this.member_bytes_max) this.member.push(byte);
    if (this.is_escaped) this.is_escaped = false;
    else if (byte === BACKSLASH) this.is_escaped = true;
    else if (byte === QUOTE) this.is_string = false;
  }

  /** A text and a colon behind it are a member's name, which may be written with escapes. */
  private readName(): void {
    this.is_named = parseJson(Buffer.from(this.member).toString('latin1')) === this.batch;
    if (!this.is_named) return;
    this.batches++;
    if (this.batches > 1) this.problem = 'repeated_events';
  }

  private open(byte: number): void {
    this.depth++;
    const is_batch = byte === OPEN_BRACKET && this.is_named && this.depth === ELEMENT_DEPTH;
    this.is_named = false;
    if (this.depth > DEPTH_MAX) this.problem ??= 'nesting_too_deep';
    if (!is_batch) return;
    this.is_in_array = true;
    this.has_array = true;
    this.window.begin(this.batch, { ...this.limits, depth_max: DEPTH_MAX - ELEMENT_DEPTH });
  }

  /** Reads elements from `start` to the end of the array or of the bytes; returns where it stopped, at the bracket that is the shell's. */
  private readElements(bytes: Uint8Array, start: number, take: TakePiece): number {
    let at = start;
    while (at < bytes.length) {
      const part = bytes.subarray(at, at + STEP_BYTES);
      at += part.length;
      let stop = this.window.append(part);
      while (stop === 'piece') {
        this.window.lendPiece(take);
        this.window.dropPiece();
        stop = this.window.goOn();
      }
      this.events_too_large = this.window.elementsSkipped();
      if (stop === 'more') continue;
      this.is_in_array = false;
      if (stop === 'nothing') this.problem = 'not_json';
      if (stop === 'too_deep') this.problem = 'nesting_too_deep';
      return at - this.window.unreadBytes();
    }
    return at;
  }

  private keepShell(byte: number): void {
    if (this.shell_bytes === SHELL_BYTES_MAX) {
      this.problem ??= 'body_around_events_too_large';
      return;
    }
    if (this.shell_bytes === this.shell.length) {
      const larger = Buffer.allocUnsafe(2 * this.shell.length);
      larger.set(this.shell);
      this.shell = larger;
    }
    this.shell[this.shell_bytes++] = byte;
  }

  /** The shell with its array empty must be JSON. It is read without building anything: floods of keys cost nothing. */
  private shellProblem(): ErrorCode | undefined {
    const shell = this.shell.subarray(0, this.shell_bytes);
    if (!isUtf8(shell) || !isJson(shell)) return 'not_json';
    return this.has_array ? undefined : 'no_events';
  }
}

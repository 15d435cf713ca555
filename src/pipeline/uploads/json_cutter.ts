/**
 * Cuts a JSON body that is a batch, `{"events":[…], …}`, between two elements of its array.
 *
 * It only finds where elements end: strings and brackets are all that it reads, and whether a piece is JSON is for those to say who
 * read it. What is around the array, the shell, is kept and parsed at the end, so that in the end every byte was parsed by somebody.
 */
import type { ErrorCode } from '../../contract/errors.ts';
import type { Cutter, CutterLimits, TakePiece } from './cutter.ts';
import { Piece } from './piece.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
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
/** What may stand around the array. */
const SHELL_BYTES_MAX = 1 << 20;

/** What a byte means among elements, outside of texts. */
const PLAIN = 0;
const TEXT = 1;
const OPENING = 2;
const CLOSING = 3;
const SEPARATING = 4;

const BYTE_KINDS = new Uint8Array(256);
BYTE_KINDS[QUOTE] = TEXT;
BYTE_KINDS[OPEN_BRACE] = OPENING;
BYTE_KINDS[OPEN_BRACKET] = OPENING;
BYTE_KINDS[CLOSE_BRACE] = CLOSING;
BYTE_KINDS[CLOSE_BRACKET] = CLOSING;
BYTE_KINDS[COMMA] = SEPARATING;

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

export class JsonCutter implements Cutter {
  events_too_large = 0;
  private readonly piece: Piece;
  private readonly key: Buffer;
  private readonly shell: Buffer[] = [];
  private shell_bytes = 0;
  private depth = 0;
  private is_string = false;
  /** Whether the byte before was a backslash that escapes this one. */
  private is_escaped = false;
  /** Whether the bytes are those of the array's elements. */
  private is_in_array = false;
  private arrays = 0;
  /** The last text at the depth of members, with its quotes, and whether a colon came after it: then it is a name. */
  private member: number[] = [];
  private is_named = false;
  /** Whether the element in hand has anything but white space, and whether it is being left out. */
  private has_content = false;
  private is_skipping = false;
  private commas = 0;
  private problem: ErrorCode | undefined;

  constructor(
    private readonly batch: string,
    private readonly limits: CutterLimits,
  ) {
    this.key = Buffer.from(JSON.stringify(batch));
    const prefix = Buffer.from(`{${JSON.stringify(batch)}:[`);
    this.piece = new Piece({ prefix, separator: Uint8Array.of(COMMA), suffix: Buffer.from(']}') }, limits.piece_bytes_max);
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
    if (problem === undefined) this.piece.end(take);
    return problem;
  }

  /** Reads from `at` to where the array begins, or to the end of the bytes; returns where it stopped. */
  private readShell(bytes: Uint8Array, start: number): number {
    let at = start;
    while (at < bytes.length && !this.is_in_array && this.problem === undefined) this.readShellByte(bytes[at++]);
    this.keepShell(bytes.subarray(start, at));
    return at;
  }

  private readShellByte(byte: number): void {
    if (this.is_string) {
      this.readShellText(byte);
      return;
    }
    switch (byte) {
      case QUOTE:
        this.is_string = true;
        if (this.depth === MEMBER_DEPTH) this.member = [byte];
        this.is_named = false;
        return;
      case COLON:
        this.is_named = this.depth === MEMBER_DEPTH;
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
        if (!isSpace(byte)) this.is_named = false;
    }
  }

  private readShellText(byte: number): void {
    // One byte more than the key tells a longer name from it.
    if (this.depth === MEMBER_DEPTH && this.member.length <= this.key.length) this.member.push(byte);
    if (this.is_escaped) this.is_escaped = false;
    else if (byte === BACKSLASH) this.is_escaped = true;
    else if (byte === QUOTE) this.is_string = false;
  }

  private open(byte: number): void {
    this.depth++;
    const is_batch =
      byte === OPEN_BRACKET && this.is_named && this.depth === ELEMENT_DEPTH && this.key.equals(Uint8Array.from(this.member));
    this.is_named = false;
    if (this.depth > DEPTH_MAX) this.problem = 'nesting_too_deep';
    if (!is_batch) return;
    this.arrays++;
    if (this.arrays > 1) this.problem = 'repeated_events';
    this.is_in_array = true;
    this.commas = 0;
  }

  /** Reads elements from `start` to the end of the array or of the bytes; returns where it stopped, at the bracket that is the shell's. */
  private readElements(bytes: Uint8Array, start: number, take: TakePiece): number {
    let element_start = start;
    let at = this.is_string ? this.skipText(bytes, start) : start;
    // Local, since this loop sees every byte of the largest bodies.
    let depth = this.depth;
    while (at < bytes.length) {
      const kind = BYTE_KINDS[bytes[at]];
      if (kind === PLAIN) {
        at++;
      } else if (kind === TEXT) {
        at = this.skipText(bytes, at + 1);
      } else if (kind === OPENING) {
        depth++;
        at++;
      } else if (kind === CLOSING) {
        if (depth === ELEMENT_DEPTH) {
          this.add(bytes.subarray(element_start, at));
          this.endArray(take);
          return at;
        }
        depth--;
        at++;
      } else {
        if (depth === ELEMENT_DEPTH) {
          this.add(bytes.subarray(element_start, at));
          this.endElement(take);
          this.commas++;
          element_start = at + 1;
        }
        at++;
      }
    }
    this.depth = depth;
    this.add(bytes.subarray(element_start, at));
    return at;
  }

  /** Goes to the end of the text, or of the bytes, and notes which it was. */
  private skipText(bytes: Uint8Array, start: number): number {
    let at = this.is_escaped ? start + 1 : start;
    this.is_escaped = false;
    while (at < bytes.length) {
      const byte = bytes[at++];
      if (byte === QUOTE) {
        this.is_string = false;
        return at;
      }
      if (byte !== BACKSLASH) continue;
      this.is_escaped = at === bytes.length;
      at++;
    }
    this.is_string = true;
    return bytes.length;
  }

  private add(part: Uint8Array): void {
    this.has_content ||= part.some((byte) => !isSpace(byte));
    if (this.is_skipping) return;
    if (this.piece.eventBytes() + part.length > this.limits.event_bytes_max) {
      this.is_skipping = true;
      this.piece.dropEvent();
      this.events_too_large++;
      return;
    }
    this.piece.append(part);
  }

  private endElement(take: TakePiece): void {
    if (!this.has_content) this.problem = 'not_json';
    if (!this.is_skipping) this.piece.endEvent(take);
    this.has_content = false;
    this.is_skipping = false;
  }

  private endArray(take: TakePiece): void {
    this.is_in_array = false;
    if (this.has_content || this.commas > 0) this.endElement(take);
    else this.piece.dropEvent();
  }

  private keepShell(part: Uint8Array): void {
    this.shell_bytes += part.length;
    if (this.shell_bytes > SHELL_BYTES_MAX) this.problem ??= 'body_around_events_too_large';
    else this.shell.push(Buffer.from(part));
  }

  /** The shell with its array empty must be a JSON object that has the array. */
  private shellProblem(): ErrorCode | undefined {
    let shell: unknown;
    try {
      shell = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(this.shell)));
    } catch {
      return 'not_json';
    }
    if (typeof shell !== 'object' || shell === null || Array.isArray(shell)) return 'not_an_object';
    return this.arrays === 1 && Object.hasOwn(shell, this.batch) ? undefined : 'no_events';
  }
}

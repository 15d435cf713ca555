/**
 * Cuts a MessagePack body that is a batch, `{"events": […], …}`, between two elements of its array. It walks from head to head and
 * copies what it passes; whether an element is an event is for those to say who read the piece. What is around the array is walked
 * over and not kept: a document that can be walked to its end is MessagePack.
 */
import { HEAD_BYTES_MAX, type Head, isContainer, readHead } from '../../base/message_pack_head.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Cutter, CutterLimits, TakePiece } from './cutter.ts';
import { Piece } from './piece.ts';

const DEPTH_MAX = 500;
/** Levels that are open where the values of the body's members are, and its array's elements. */
const MEMBER_LEVEL = 1;
const ELEMENT_LEVEL = 2;
const NOTHING = new Uint8Array(0);
/** A map of one, and the head of an array with 32 bits for its length. */
const MAP_OF_ONE = 0x81;
const LONG_ARRAY = 0xdd;

interface Level {
  readonly is_map: boolean;
  /** Values that are still to come; of a map, keys count for themselves. */
  remaining: number;
}

export class PackCutter implements Cutter {
  events_too_large = 0;
  private readonly piece: Piece;
  private readonly key: Buffer;
  private readonly levels: Level[] = [];
  /** What is walked over, and of it what belongs to the event in hand and is not in the piece yet: from head to head is too little to copy. */
  private walked: Buffer = Buffer.alloc(0);
  private uncopied_start = 0;
  private uncopied_end = 0;
  /** The beginning of a head whose rest has not come yet. */
  private carried = Buffer.alloc(0);
  /** Bytes of the leaf in hand that have not come yet. */
  private leaf_bytes = 0;
  /** The leaf in hand as far as it could be the array's name; undefined for any other. */
  private name: Buffer | undefined;
  private is_named = false;
  /** Members that are called as the array is. */
  private batches = 0;
  private has_array = false;
  private is_in_array = false;
  private is_skipping = false;
  private has_begun = false;
  private problem: ErrorCode | undefined;

  constructor(
    batch: string,
    private readonly limits: CutterLimits,
  ) {
    this.key = Buffer.from(batch);
    // A short text's head is one byte; the length of the array is written when the piece is complete.
    const prefix = Buffer.from([MAP_OF_ONE, 0xa0 + this.key.length, ...this.key, LONG_ARRAY, 0, 0, 0, 0]);
    const end = (bytes: Buffer, events: number): number => bytes.writeUInt32BE(events, prefix.length - 4);
    this.piece = new Piece({ prefix, separator: NOTHING, suffix: NOTHING, end }, limits.piece_bytes_max);
  }

  push(bytes: Uint8Array, take: TakePiece): ErrorCode | undefined {
    const all =
      this.carried.length === 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : Buffer.concat([this.carried, bytes]);
    this.carried = Buffer.alloc(0);
    this.walked = all;
    let at = 0;
    while (at < all.length && this.problem === undefined) {
      if (this.leaf_bytes > 0) {
        at = this.passLeaf(at, take);
        continue;
      }
      const head = readHead(all, at);
      if (head === undefined) {
        if (all.length - at < HEAD_BYTES_MAX) this.carried = Buffer.from(all.subarray(at));
        else this.problem = 'not_message_pack';
        break;
      }
      this.takeHead(at, head, take);
      at += head.bytes;
    }
    this.copy();
    return this.problem;
  }

  end(take: TakePiece): ErrorCode | undefined {
    if (this.problem !== undefined) return this.problem;
    const is_complete = this.has_begun && this.levels.length === 0 && this.leaf_bytes === 0 && this.carried.length === 0;
    if (!is_complete) return 'not_message_pack';
    if (!this.has_array) return 'no_events';
    this.piece.end(take);
    return undefined;
  }

  private takeHead(at: number, head: Head, take: TakePiece): void {
    if (this.levels.length === 0) {
      this.begin(head, take);
      return;
    }
    const is_member = this.levels.length === MEMBER_LEVEL;
    const is_key = this.isAtKey();
    if (is_key && isContainer(head)) {
      this.problem = 'not_message_pack';
      return;
    }
    if (is_member && is_key) {
      this.name = head.kind === 'text' && head.count === this.key.length ? Buffer.alloc(0) : undefined;
    }
    if (is_member && !is_key && this.is_named && head.kind === 'array') {
      this.has_array = true;
      this.is_in_array = true;
      this.open(head, take);
      return;
    }
    this.pass(at, at + head.bytes);
    if (isContainer(head)) this.open(head, take);
    else if (head.count === 0) this.endValue(take);
    else this.leaf_bytes = head.count;
  }

  private begin(head: Head, take: TakePiece): void {
    // A body that is long and begins with a number goes on behind it: JSON under a wrong name does.
    const is_whole = isContainer(head) || head.count > 0;
    if (this.has_begun || !is_whole) this.problem = 'not_message_pack';
    else if (head.kind !== 'map') this.problem = 'not_an_object';
    this.has_begun = true;
    if (this.problem === undefined) this.open(head, take);
  }

  private isAtKey(): boolean {
    const level = this.levels.at(-1);
    return level?.is_map === true && level.remaining % 2 === 0;
  }

  private open(head: Head, take: TakePiece): void {
    if (this.levels.length === DEPTH_MAX) {
      this.problem = 'nesting_too_deep';
      return;
    }
    this.levels.push({ is_map: head.kind === 'map', remaining: head.kind === 'map' ? head.count * 2 : head.count });
    this.closeLevels(take);
  }

  private closeLevels(take: TakePiece): void {
    while (this.levels.at(-1)?.remaining === 0) {
      this.levels.pop();
      if (this.levels.length === MEMBER_LEVEL) this.is_in_array = false;
      if (this.levels.length > 0) this.endOne(take);
    }
  }

  private endValue(take: TakePiece): void {
    this.endOne(take);
    this.closeLevels(take);
  }

  /** One value of the innermost level is complete. */
  private endOne(take: TakePiece): void {
    const level = this.levels.at(-1);
    if (level === undefined) return;
    if (this.levels.length === MEMBER_LEVEL) {
      this.is_named = this.isAtKey() && this.name?.equals(this.key) === true;
      this.name = undefined;
      if (this.is_named) this.batches++;
      if (this.batches > 1) this.problem = 'repeated_events';
    }
    level.remaining--;
    if (!this.is_in_array || this.levels.length !== ELEMENT_LEVEL) return;
    this.copy();
    if (!this.is_skipping) this.piece.endEvent(take);
    this.is_skipping = false;
  }

  private passLeaf(at: number, take: TakePiece): number {
    const end = Math.min(this.walked.length, at + this.leaf_bytes);
    if (this.name !== undefined) this.name = Buffer.concat([this.name, this.walked.subarray(at, end)]);
    this.pass(at, end);
    this.leaf_bytes -= end - at;
    if (this.leaf_bytes === 0) this.endValue(take);
    return end;
  }

  /** What was walked from `start` to `end` belongs to the event in hand; it goes on where the last such part ended. */
  private pass(start: number, end: number): void {
    if (!this.is_in_array || this.is_skipping) return;
    if (this.uncopied_start === this.uncopied_end) this.uncopied_start = start;
    this.uncopied_end = end;
    if (this.piece.eventBytes() + end - this.uncopied_start <= this.limits.event_bytes_max) return;
    this.is_skipping = true;
    this.uncopied_end = this.uncopied_start;
    this.piece.dropEvent();
    this.events_too_large++;
  }

  private copy(): void {
    const { uncopied_start, uncopied_end } = this;
    if (uncopied_start < uncopied_end) this.piece.append(this.walked.subarray(uncopied_start, uncopied_end));
    this.uncopied_end = uncopied_start;
  }
}

/**
 * The piece that is being filled: its events so far, and the beginning of the next one. Owner of one buffer, which is used again
 * for the next piece.
 */
import type { TakePiece } from './cutter.ts';

const GROWTH = 2;

export interface PieceShape {
  /** What a piece begins and ends with, and what is between two events. */
  readonly prefix: Uint8Array;
  readonly separator: Uint8Array;
  readonly suffix: Uint8Array;
  /** Completes the piece, where its beginning says how many events it has. */
  end?(bytes: Buffer, events: number): void;
}

export class Piece {
  private bytes: Buffer;
  private used: number;
  /** Where the event in hand begins: behind the last complete one and a separator. */
  private event_start: number;
  /** Those that came together count as one. */
  private events = 0;

  constructor(
    private readonly shape: PieceShape,
    private readonly bytes_max: number,
  ) {
    this.bytes = Buffer.allocUnsafeSlow(shape.prefix.length + bytes_max + shape.suffix.length);
    this.bytes.set(shape.prefix);
    this.used = shape.prefix.length;
    this.event_start = this.used;
  }

  /** Bytes of the event in hand so far. */
  eventBytes(): number {
    return this.used - this.event_start;
  }

  append(part: Uint8Array): void {
    this.reserve(part.length);
    this.bytes.set(part, this.used);
    this.used += part.length;
  }

  /** Takes whole events, each with its separator, while none is in hand; false, and nothing is taken, when there is no room for all of them. */
  appendEvents(events: Uint8Array): boolean {
    if (this.used - this.shape.prefix.length + events.length > this.bytes_max) return false;
    if (events.length === 0) return true;
    this.append(events);
    this.event_start = this.used;
    this.events++;
    return true;
  }

  /** Forgets the event in hand. */
  dropEvent(): void {
    this.used = this.event_start;
  }

  /** The event in hand is complete: it stays if the piece has room for it, and otherwise begins the next one. */
  endEvent(take: TakePiece): void {
    const is_over = this.events > 0 && this.used - this.shape.prefix.length > this.bytes_max;
    if (is_over) this.giveOut(take);
    this.events++;
    this.append(this.shape.separator);
    this.event_start = this.used;
  }

  /** Gives out what is left, if there is an event. */
  end(take: TakePiece): void {
    if (this.events > 0) this.giveOut(take);
  }

  /** Gives out the complete events, and moves the one in hand to the front. */
  private giveOut(take: TakePiece): void {
    const { prefix, separator, suffix } = this.shape;
    const in_hand = Buffer.from(this.bytes.subarray(this.event_start, this.used));
    const end = this.event_start - separator.length;
    this.used = end;
    this.append(suffix);
    this.shape.end?.(this.bytes, this.events);
    take(this.bytes.subarray(0, this.used));
    this.used = prefix.length;
    this.event_start = this.used;
    this.events = 0;
    this.append(in_hand);
  }

  private reserve(bytes: number): void {
    if (this.used + bytes <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * GROWTH, this.used + bytes));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
  }
}

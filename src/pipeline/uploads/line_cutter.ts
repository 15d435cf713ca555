/** Cuts a body of JSON lines between two lines. */
import type { Cutter, CutterLimits, TakePiece } from './cutter.ts';
import { Piece } from './piece.ts';

const LINE_FEED = 0x0a;
const NOTHING = new Uint8Array(0);

export class LineCutter implements Cutter {
  events_too_large = 0;
  private readonly piece: Piece;
  private is_skipping = false;

  constructor(private readonly limits: CutterLimits) {
    this.piece = new Piece({ prefix: NOTHING, separator: Uint8Array.of(LINE_FEED), suffix: NOTHING }, limits.piece_bytes_max);
  }

  push(bytes: Uint8Array, take: TakePiece): undefined {
    for (let start = 0; start < bytes.length; ) {
      const line_feed = bytes.indexOf(LINE_FEED, start);
      const end = line_feed === -1 ? bytes.length : line_feed;
      this.add(bytes.subarray(start, end));
      if (line_feed !== -1) this.endLine(take);
      start = end + 1;
    }
  }

  end(take: TakePiece): undefined {
    this.endLine(take);
    this.piece.end(take);
  }

  private add(part: Uint8Array): void {
    if (this.is_skipping) return;
    if (this.piece.eventBytes() + part.length > this.limits.event_bytes_max) {
      this.is_skipping = true;
      this.piece.dropEvent();
      this.events_too_large++;
      return;
    }
    this.piece.append(part);
  }

  private endLine(take: TakePiece): void {
    if (!this.is_skipping && this.piece.eventBytes() > 0) this.piece.endEvent(take);
    this.is_skipping = false;
  }
}

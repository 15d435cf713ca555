/** Cuts a body of JSON lines between two lines. A piece is a part of the body as it came, blank lines and all, without lines that are too large. */
import type { Cutter, CutterLimits, TakePiece } from './cutter.ts';
import { Piece } from './piece.ts';

const LINE_FEED = 0x0a;
const NOTHING = new Uint8Array(0);
/** What goes into the piece at once where all of it fits: small beside a piece, so that few lines must be looked at alone. */
const STEP_BYTES = 1 << 14;

export class LineCutter implements Cutter {
  events_too_large = 0;
  private readonly piece: Piece;
  private is_skipping = false;

  constructor(private readonly limits: CutterLimits) {
    this.piece = new Piece({ prefix: NOTHING, separator: Uint8Array.of(LINE_FEED), suffix: NOTHING }, limits.piece_bytes_max);
  }

  push(bytes: Uint8Array, take: TakePiece): undefined {
    for (let start = 0; start < bytes.length; start += STEP_BYTES) this.pushStep(bytes.subarray(start, start + STEP_BYTES), take);
  }

  end(take: TakePiece): undefined {
    if (this.piece.eventBytes() > 0) this.piece.endEvent(take);
    this.piece.end(take);
  }

  private pushStep(bytes: Uint8Array, take: TakePiece): void {
    const first = bytes.indexOf(LINE_FEED);
    if (first === -1) {
      this.add(bytes);
      return;
    }
    this.add(bytes.subarray(0, first));
    this.endLine(take);
    const rest = bytes.lastIndexOf(LINE_FEED) + 1;
    this.addLines(bytes.subarray(first + 1, rest), take);
    this.add(bytes.subarray(rest));
  }

  /** Takes whole lines: together if they fit, for then each of them does. */
  private addLines(lines: Uint8Array, take: TakePiece): void {
    if (lines.length <= this.limits.event_bytes_max && this.piece.appendEvents(lines)) return;
    for (let start = 0; start < lines.length; ) {
      const end = lines.indexOf(LINE_FEED, start);
      this.add(lines.subarray(start, end));
      this.endLine(take);
      start = end + 1;
    }
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
    if (!this.is_skipping) this.piece.endEvent(take);
    this.is_skipping = false;
  }
}

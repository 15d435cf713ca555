/**
 * What cuts a long body into pieces that can be read for themselves, while it arrives. A piece is a whole body of the same media
 * with some of the events, in order; where the cuts are depends on the body's bytes alone, not on how they arrived, so that a
 * re-delivery is cut the same and its events have the identities that they had.
 */
import type { ErrorCode } from '../../contract/errors.ts';

/** Takes a piece; its bytes are only lent. */
export type TakePiece = (piece: Uint8Array) => void;

export interface Cutter {
  /**
   * Takes the next bytes of the body, which are only lent, and gives out the pieces that they complete.
   *
   * @returns why the body is none, as far as a cutter can see; then nothing more is given out
   */
  push(bytes: Uint8Array, take: TakePiece): ErrorCode | undefined;
  /** The body is at its end: gives out the last piece. */
  end(take: TakePiece): ErrorCode | undefined;
  /** Events that were too large and are in no piece. */
  readonly events_too_large: number;
}

export interface CutterLimits {
  /** A piece holds as many events as fit into this, and at least one. */
  readonly piece_bytes_max: number;
  /** A larger event is counted and left out. */
  readonly event_bytes_max: number;
}

/**
 * Uploads: bodies too large to be held in memory. They are cut into pieces while they arrive, each piece becomes blocks like any
 * body, and the blocks are staged: on the disk, and not yet among the events. One commit admits all of them; an upload that breaks
 * off leaves nothing, so that its retry does not depend on deduplication.
 */
import type { SpoolBlock } from './segment.ts';

/** The longest body that is ever held in memory as a whole: one event of its own. */
export const HELD_BODY_BYTES_MAX = 16 * 2 ** 20;
/** A body of many events that unfolds to more than this is an upload. Part of what identities depend on, since a longer body is cut: never change it. */
export const WHOLE_BODY_BYTES_MAX = 4 * 2 ** 20;
/** What a piece of an upload holds. Never change it, for the same reason. */
export const PIECE_BYTES_MAX = 2 ** 20;

/** Where the blocks of one upload wait. Ends with exactly one of `commit` and `discard`. */
export interface UploadStage {
  /** Rejects as the spool's `append` does; then the upload can only be discarded. */
  append(block: SpoolBlock): Promise<void>;
  /** Resolves when all that was appended is admitted, durably and together. Rejects with `spool_unwritable`; then none of it is, or, after a crash, all. */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** Where the parts of a body come from, and what can be told to wait. */
export interface PartSource {
  pause(): void;
  resume(): void;
}

/** Takes the body of one upload as it arrives. The submission is answered when its fate is known, which can be before its end. */
export interface UploadIntake {
  /** Takes a part, which is copied before this returns. */
  push(part: Uint8Array): void;
  /** The body is complete. */
  end(): void;
  /** The body will never be complete. */
  breakOff(): void;
}

/**
 * What becomes of a segment that does not simply go in, told to whoever keeps the books. Implemented by the ledger.
 *
 * Each call brings along the step that makes it true on the disk, a durable one, so that the books can be written first and a start can tell from where the
 * files are whether the step was taken. A call that fails is repeated with the same segments, and so may be the step.
 */
import type { SealedSegment } from './segment.ts';

export interface SegmentBooks {
  /** The rows and accounts of `segment` are in `children`, which are durable and were never sent. `remove_file` takes the segment's own file. */
  split(segment: SealedSegment, children: readonly SealedSegment[], remove_file: () => Promise<void>): Promise<void>;
  /** The segment leaves the queue and is kept; `move_file` takes its file out of the spool's directory. */
  deadLettered(segment: SealedSegment, move_file: () => Promise<void>): Promise<void>;
  /** The segment was kept and is to be delivered after all, under its own id; `move_file` brings its file into the spool's directory. */
  replayed(segment: SealedSegment, move_file: () => Promise<void>): Promise<void>;
}

/** For who keeps none. */
export const NO_BOOKS: SegmentBooks = {
  split: (_segment, _children, remove_file) => remove_file(),
  deadLettered: (_segment, move_file) => move_file(),
  replayed: (_segment, move_file) => move_file(),
};

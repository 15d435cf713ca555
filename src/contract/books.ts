/**
 * What becomes of a segment that does not simply go in, told to whoever keeps the books. Implemented by the ledger.
 *
 * Each call comes when what it tells is durable, and before anything else happens to the segments named. The caller waits for it and repeats it until it
 * resolves; and since a crash may come between the fact and the call, at every start all calls that still describe what is on the disk come again. So a
 * call must be idempotent by the segments' ids.
 */
import type { SealedSegment } from './segment.ts';

export interface SegmentBooks {
  /** `parent` is gone and its rows and accounts are in `children`, neither of which was ever sent. */
  split(parent: string, children: readonly SealedSegment[]): Promise<void>;
  /** The segment left the queue and is kept among the dead letters. */
  deadLettered(segment: SealedSegment): Promise<void>;
  /** The segment left the dead letters and is in the queue again; it ends delivered, or as a dead letter once more. */
  replayed(segment: SealedSegment): Promise<void>;
}

/** For who keeps none. */
export const NO_BOOKS: SegmentBooks = {
  split: async () => undefined,
  deadLettered: async () => undefined,
  replayed: async () => undefined,
};

/** A segment is the proof of its events' claims: it goes only when the registry says so itself. */
import type { SegmentStore } from '../contract/segment.ts';

/** `segments` as they are, but that `flush` has resolved before one leaves the spool. */
export function confirmBeforeRetire(segments: SegmentStore, flush: (table: string) => Promise<void>): SegmentStore {
  return {
    open: (segment) => segments.open(segment),
    takeToken: (segment) => segments.takeToken(segment),
    retire: async (segment) => {
      await flush(segment.table);
      await segments.retire(segment);
    },
    quarantine: async (segment, reason) => {
      await flush(segment.table);
      await segments.quarantine(segment, reason);
    },
    // Its halves are the proof from then on.
    split: (segment) => segments.split(segment),
    deadLetter: async (segment, rejection) => {
      await flush(segment.table);
      await segments.deadLetter(segment, rejection);
    },
  };
}

/** What a lane sends a courier out with, and how it can come back. */
import type { SealedSegment } from '../../contract/segment.ts';
import type { Pause } from './pause.ts';
import type { DeliveryFailure, LaneState } from './report.ts';

/** What the lane lends to the courier of the moment. */
export interface CourierHost {
  readonly pause: Pause;
  state(state: LaneState, failure?: DeliveryFailure): void;
  inserted(segment: SealedSegment, duration_ms: number): void;
  failed(segment: SealedSegment, failure: DeliveryFailure): void;
}

/** What a courier is sent out with. */
export interface Errand {
  readonly segment: SealedSegment;
  /** Monotonic time of the last try that may not be over; undefined when there is none. */
  readonly last_unseen_ms: number | undefined;
  /** Why the segment must be split or given up, found by a courier before this one. */
  readonly condemned: DeliveryFailure | undefined;
  /** How often a block that is too big for the server is tried. */
  readonly shrink_tries: number;
  /** Whether a row may be given up now, or be searched for. */
  mayGiveUp(): boolean;
}

/** `segment` is as it now is in the spool: its `tokens` may have grown. */
export type CourierEnd =
  | { readonly kind: 'delivered'; readonly segment: SealedSegment }
  | { readonly kind: 'interrupted'; readonly segment: SealedSegment }
  | { readonly kind: 'quarantined'; readonly segment: SealedSegment; readonly reason: string }
  | { readonly kind: 'dead_lettered'; readonly segment: SealedSegment; readonly failure: DeliveryFailure }
  | {
      readonly kind: 'split';
      readonly segment: SealedSegment;
      readonly halves: readonly SealedSegment[];
      readonly failure: DeliveryFailure;
    }
  | SteppedAside;

/** To be met again after `wait_ms`; what is learnt of it by then goes with it. */
export interface SteppedAside {
  readonly kind: 'stepped_aside';
  readonly segment: SealedSegment;
  readonly failure: DeliveryFailure;
  readonly wait_ms: number;
  readonly last_unseen_ms: number | undefined;
  readonly condemned: DeliveryFailure | undefined;
}

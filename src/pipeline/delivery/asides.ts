/**
 * Segments that stepped aside so that the table's others can go on: those that ClickHouse refuses, in whole or cut into pieces, and dead letters that came
 * back. An aside is a stack: of a segment that was split only the first piece is ever under way, and so no more than one piece for each halving waits, however
 * many rows are bad.
 */
import type { SealedSegment } from '../../contract/segment.ts';
import type { DeliveryFailure } from './report.ts';

export interface Aside {
  /** What is left, the next at the end. */
  readonly pieces: SealedSegment[];
  /** A dead letter on its way back, which was proven bad before. */
  readonly is_returned: boolean;
  /** Monotonic time of the next try. */
  due_ms: number;
  /** Monotonic time of the last try of the next piece whose end nobody saw; undefined when there is none. */
  last_unseen_ms: number | undefined;
  /** Why the next piece must be split or given up; it is only waited until it can be. */
  condemned: DeliveryFailure | undefined;
  /** Why it stepped aside. */
  failure: DeliveryFailure | undefined;
}

export class Asides {
  private list: Aside[] = [];

  add(pieces: readonly SealedSegment[], due_ms: number, is_returned = false): Aside {
    const aside = { pieces: [...pieces], is_returned, due_ms, last_unseen_ms: undefined, condemned: undefined, failure: undefined };
    this.list.push(aside);
    return aside;
  }

  /** The one that has waited longest of those whose time has come by `now_ms`. */
  due(now_ms: number): Aside | undefined {
    let longest: Aside | undefined;
    for (const aside of this.list)
      if (aside.due_ms <= now_ms && aside.due_ms < (longest?.due_ms ?? Number.POSITIVE_INFINITY)) longest = aside;
    return longest;
  }

  /** Lets all be tried now but those that are only waited for until an earlier try is certain to be over. */
  hurry(now_ms: number): void {
    for (const aside of this.list) if (aside.condemned === undefined) aside.due_ms = Math.min(aside.due_ms, now_ms);
  }

  /** Infinity when nothing waits. */
  nextDueMs(): number {
    return this.list.reduce((next_ms, { due_ms }) => Math.min(next_ms, due_ms), Number.POSITIVE_INFINITY);
  }

  /** The next piece found its end; `halves` take its place. Whatever was known of it does not hold for what comes now. */
  finishPiece(aside: Aside, now_ms: number, halves: readonly SealedSegment[] = []): void {
    aside.pieces.splice(-1, 1, ...halves.toReversed());
    aside.due_ms = now_ms;
    aside.last_unseen_ms = undefined;
    aside.condemned = undefined;
    if (aside.pieces.length === 0) this.list = this.list.filter((other) => other !== aside);
  }

  /** Segments, in whole or in pieces, that ClickHouse refused. */
  get refused(): readonly Aside[] {
    return this.list.filter(({ is_returned }) => !is_returned);
  }

  /** All that waits, dead letters on their way back included. */
  segments(): readonly SealedSegment[] {
    return this.list.flatMap(({ pieces }) => pieces);
  }
}

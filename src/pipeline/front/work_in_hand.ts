/**
 * Bounds the batches that have come and are not answered, so that each is answered soon: who comes while there is as much as is worked off within the
 * target is better told to come back, while that costs little, than made to wait behind the others.
 *
 * How much that is, is learned by Little's law: what waits is what is worked off a second times the time that it waits. So while the bound is what
 * keeps others out, it is brought nearer to the target in the ratio of target and wait. The shortest wait of an interval counts: what even the quickest waited
 * for is a queue, the rest a slab's trip. While nobody is kept out nothing is learned: a disk that stalls for a moment holds up a few, and a few are
 * below the bound.
 */
import { assert } from '../../base/assert.ts';

const WAIT_MS_TARGET = 50;
/**
 * From the turn of the event loop that reads a request to the one that answers it: the worker's result and the disk's have one each. Where turns are so
 * long, what keeps requests waiting are the sockets to be read, and to refuse those costs about as much as to take them.
 */
const TURNS_TARGET = 3;
const INTERVAL_MS = 100;
/** What a request costs beside its bytes, in bytes that cost as much: 34 µs of one, 5 ns of the other. */
const REQUEST_BYTES = 7 * 1024;
const WORK_BYTES_MIN = 1 << 20;
const WORK_BYTES_START = 8 << 20;
const WORK_BYTES_MAX = 64 << 20;
/** Fewer are never enough: a few that send large batches may wait for each other, and have no use for coming back in seconds. */
const REQUESTS_MIN = 32;
/** Of one interval. What is learned is about what waited some intervals ago: who takes it at its word swings between too much and too little. */
const SHRINK_MIN = 0.7;
const GROWTH_MAX = 1.25;

export class WorkInHand {
  private requests = 0;
  private work_bytes = 0;
  private work_bytes_max = WORK_BYTES_START;
  private interval_end_ms = 0;
  private shortest_wait_ms = Number.POSITIVE_INFINITY;
  private has_kept_out = false;

  /** @param ports `turnMs`: how long turns of the event loop are lately */
  constructor(private readonly ports: { turnMs(): number }) {}

  /** A request has come whole. */
  enter(body_bytes: number): void {
    this.requests++;
    this.work_bytes += body_bytes + REQUEST_BYTES;
  }

  /** It was worked off after `wait_ms`, or refused after all, which says nothing: then that is Infinity. `now_ms` is of a clock that never goes back. */
  leave(body_bytes: number, wait_ms: number, now_ms: number): void {
    this.requests--;
    this.work_bytes -= body_bytes + REQUEST_BYTES;
    assert(this.work_bytes >= 0, 'BUG: more work was done than there was');
    this.shortest_wait_ms = Math.min(this.shortest_wait_ms, wait_ms);
    if (now_ms >= this.interval_end_ms) this.learn(now_ms);
  }

  /** Whether one more is to be told to come back. */
  isEnough(): boolean {
    if (this.work_bytes < this.work_bytes_max || this.requests < REQUESTS_MIN) return false;
    this.has_kept_out = true;
    return true;
  }

  private learn(now_ms: number): void {
    if (this.has_kept_out && this.shortest_wait_ms < Number.POSITIVE_INFINITY) {
      const target_ms = Math.max(WAIT_MS_TARGET, TURNS_TARGET * this.ports.turnMs());
      const change = Math.min(Math.max(Math.sqrt(target_ms / this.shortest_wait_ms), SHRINK_MIN), GROWTH_MAX);
      this.work_bytes_max = Math.min(Math.max(this.work_bytes_max * change, WORK_BYTES_MIN), WORK_BYTES_MAX);
    }
    this.has_kept_out = false;
    this.shortest_wait_ms = Number.POSITIVE_INFINITY;
    this.interval_end_ms = now_ms + INTERVAL_MS;
  }
}

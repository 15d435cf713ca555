/**
 * Latencies in bounded memory: a log-linear histogram of whole microseconds, 13 KiB whatever is recorded.
 *
 * Below 64 µs a bucket holds one value; above, each power of two is cut into 64 buckets, so that a quantile is at most
 * 1/64 (1.6 %) above the value that was recorded, and never above the largest one.
 */
import { assert } from '../../base/assert.ts';

const SUBDIVISION_BITS = 6;
const SUBDIVISIONS = 1 << SUBDIVISION_BITS;

/** 2^31 - 1 µs are 35 minutes; what took longer counts as that. */
export const LATENCY_US_MAX = 0x7fff_ffff;

const BUCKETS = bucketOf(LATENCY_US_MAX) + 1;

/** The bucket of a whole number of microseconds, 0 ≤ value_us ≤ LATENCY_US_MAX. */
function bucketOf(value_us: number): number {
  if (value_us < SUBDIVISIONS) return value_us;
  const shift = 31 - Math.clz32(value_us) - SUBDIVISION_BITS;
  return shift * SUBDIVISIONS + (value_us >>> shift);
}

/** The largest value that falls into a bucket. */
function bucketEndUs(bucket: number): number {
  if (bucket < SUBDIVISIONS) return bucket;
  const shift = Math.floor(bucket / SUBDIVISIONS) - 1;
  return (bucket - shift * SUBDIVISIONS + 1) * 2 ** shift - 1;
}

export class LatencyHistogram {
  private readonly counts = new Float64Array(BUCKETS);
  private recorded = 0;
  private largest_us = 0;

  count(): number {
    return this.recorded;
  }

  /** The largest latency recorded, exactly; 0 when none was. */
  maxUs(): number {
    return this.largest_us;
  }

  /** Records one latency; a fraction of a microsecond is cut off, a negative one (a clock's rounding) is 0. */
  record(latency_us: number): void {
    const value_us = Math.min(Math.max(Math.trunc(latency_us), 0), LATENCY_US_MAX);
    this.counts[bucketOf(value_us)] += 1;
    this.recorded += 1;
    if (value_us > this.largest_us) this.largest_us = value_us;
  }

  /** The latency in microseconds that `share` (0 to 1) of the recorded ones did not exceed; 0 when none was recorded. */
  quantileUs(share: number): number {
    assert(share >= 0 && share <= 1, 'BUG: a quantile is asked for outside 0 to 1');
    const rank = Math.max(1, Math.ceil(share * this.recorded));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.counts[bucket] ?? 0;
      if (seen >= rank) return Math.min(bucketEndUs(bucket), this.largest_us);
    }
    return this.largest_us;
  }
}

/** Foresees when a full spool has room again: what has to go, at the rate at which delivery lately made room. */
import { DrainRate } from '../base/drain_rate.ts';
import type { Clock } from '../contract/ports.ts';
import type { SealedSegment } from '../contract/segment.ts';

/** What is known of the spool's room. */
export interface RoomFigures {
  readonly spool_bytes: number;
  readonly queued_bytes: number;
  readonly spool_bytes_max: number;
  /** Undefined before the disk was first asked. */
  readonly disk_free_bytes: number | undefined;
  readonly disk_free_bytes_min: number;
}

/** Longer than the pause between two segments, however large. */
const DELIVERED_TIME_CONSTANT_MS = 30_000;
/** Who comes back should find more room than for the first of many. */
const ROOM_SHARE = 1 / 16;
/** A full spool is asked about by every request that it refuses. */
const FIGURES_MS = 200;

export class SpoolBacklog {
  private readonly rate: DrainRate;
  private missing_bytes = 0;
  private looked_ms = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly figures: () => RoomFigures,
  ) {
    this.rate = new DrainRate(DELIVERED_TIME_CONSTANT_MS, clock.monotonicMs());
  }

  /** An observer of delivery that also tells us what has left the spool. */
  watching<Observer extends { delivered(segment: SealedSegment): void }>(observer: Observer): Observer {
    const delivered = (segment: SealedSegment): void => {
      this.rate.add(segment.file_bytes, this.clock.monotonicMs());
      observer.delivered(segment);
    };
    return { ...observer, delivered };
  }

  /** 0 when there is room, Infinity when nothing was delivered. */
  secondsToRoom(): number {
    const now_ms = this.clock.monotonicMs();
    if (now_ms - this.looked_ms >= FIGURES_MS) {
      this.looked_ms = now_ms;
      this.missing_bytes = missingBytes(this.figures());
    }
    return this.missing_bytes === 0 ? 0 : this.missing_bytes / this.rate.bytesPerSecond(now_ms);
  }
}

/** What has to go until there is room to speak of, in the spool and on its disk. */
function missingBytes({ spool_bytes, queued_bytes, spool_bytes_max, disk_free_bytes, disk_free_bytes_min }: RoomFigures): number {
  const in_spool = spool_bytes + queued_bytes - spool_bytes_max * (1 - ROOM_SHARE);
  const on_disk = disk_free_bytes === undefined ? 0 : disk_free_bytes_min * (1 + ROOM_SHARE) - disk_free_bytes;
  return Math.max(0, in_spool, on_disk);
}

/**
 * Knows how full the spool is: when only those events may come that go first, and when there will be room again, from what has to go and
 * the rate at which delivery lately made room.
 */
import { DrainRate } from '../base/drain_rate.ts';
import type { Config } from '../config/schema.ts';
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
/** It is asked for every slab, and by every request that it refuses. */
const FIGURES_MS = 100;
/** So much below the watermark there is room for all again. */
const CALM_SHARE = 1 / 16;

export interface PrioritySettings {
  /** How full the spool is, as a share, from which on some events go first. */
  readonly watermark: number;
  readonly types: readonly string[];
}

export class SpoolBacklog {
  private readonly rate: DrainRate;
  private room: RoomFigures | undefined;
  private looked_ms = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly figures: () => RoomFigures,
    private priority: PrioritySettings,
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

  setPriority(priority: PrioritySettings): void {
    this.priority = priority;
  }

  /** While the spool is above its watermark: the types of events that go first. */
  priorityTypes(): readonly string[] | undefined {
    const { watermark, types } = this.priority;
    return watermark < 1 && missingBytes(this.look(), watermark) >= 0 ? types : undefined;
  }

  /** 0 when there is room, Infinity when nothing was delivered. */
  secondsToRoom(): number {
    return this.secondsTo(1 - ROOM_SHARE);
  }

  /** The same for events that do not go first. */
  secondsToCalm(): number {
    return this.secondsTo(Math.max(0, this.priority.watermark - CALM_SHARE));
  }

  private secondsTo(share: number): number {
    const missing_bytes = missingBytes(this.look(), share);
    return missing_bytes <= 0 ? 0 : missing_bytes / this.rate.perSecond(this.clock.monotonicMs());
  }

  private look(): RoomFigures {
    const now_ms = this.clock.monotonicMs();
    if (this.room === undefined || now_ms - this.looked_ms >= FIGURES_MS) {
      this.looked_ms = now_ms;
      this.room = this.figures();
    }
    return this.room;
  }
}

export function priorityOf({ spool, limits }: Pick<Config, 'spool' | 'limits'>): PrioritySettings {
  return { watermark: spool.priority_watermark, types: limits.priority_event_types };
}

/** What has to go until no more than `share` of the spool, and of the disk above its floor as much again, is in use; below 0: what may still come. */
function missingBytes(
  { spool_bytes, queued_bytes, spool_bytes_max, disk_free_bytes, disk_free_bytes_min }: RoomFigures,
  share: number,
): number {
  const in_spool = spool_bytes + queued_bytes - spool_bytes_max * share;
  const on_disk = disk_free_bytes === undefined ? Number.NEGATIVE_INFINITY : disk_free_bytes_min * (2 - share) - disk_free_bytes;
  return Math.max(in_spool, on_disk);
}

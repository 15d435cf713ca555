/** How long the disk lasts at a given rate of events: how fast the store grows, where retention stops it, and how long an outage may be. */
import type { Config } from './schema.ts';

/**
 * Bytes of an event on the disk: the assumption that the outlook states. Measured with 1.2 million events of `penstock load` (275 bytes each
 * as sent): docs/RELIABILITY.md has the command. Events with much metadata of their own take more.
 */
export const EVENT_BYTES = { stored: 31, spooled: 127 };

const DAY_S = 86_400;
const MONTH_S = 30.44 * DAY_S;
/** A merge writes the new part before the old ones go. */
const MERGE_HEADROOM = 1.5;

export interface DiskOutlook {
  readonly events_per_second: number;
  readonly stored_bytes_per_day: number;
  readonly free_bytes: number;
  /** What the store may still take of that. */
  readonly usable_bytes: number;
  /** Until the store stops at its floor; Infinity (null in JSON) where retention stops it before. Undefined for a server elsewhere. */
  readonly store_lasts_s: number | undefined;
  /** What the store holds in the end, when retention drops as much as comes; undefined when rows are kept for ever. */
  readonly settled_bytes: number | undefined;
  /** How long ClickHouse may be away from an empty spool on. */
  readonly outage_s: number;
}

/** @param free_bytes of the disk that holds `data_dir`, with an empty store */
export function diskOutlook({ clickhouse, spool }: Config, events_per_second: number, free_bytes: number): DiskOutlook {
  const stored_bytes_per_s = events_per_second * EVENT_BYTES.stored;
  const is_embedded = clickhouse.url === 'embedded';
  const usable_bytes = Math.max(0, free_bytes - (is_embedded ? clickhouse.embedded_free_bytes_min : 0));
  const months = clickhouse.retention_months ?? 0;
  const settled_bytes = months === 0 ? undefined : stored_bytes_per_s * (months + 1) * MONTH_S * MERGE_HEADROOM;
  const is_settling = settled_bytes !== undefined && settled_bytes <= usable_bytes;
  const spool_bytes = Math.min(spool.bytes_max - spool.reserve_bytes, Math.max(0, free_bytes - spool.free_bytes_min - spool.reserve_bytes));
  return {
    events_per_second,
    stored_bytes_per_day: stored_bytes_per_s * DAY_S,
    free_bytes,
    usable_bytes,
    store_lasts_s: is_embedded
      ? is_settling
        ? Number.POSITIVE_INFINITY
        : usable_bytes / (stored_bytes_per_s * MERGE_HEADROOM)
      : undefined,
    settled_bytes,
    outage_s: Math.max(0, spool_bytes) / (events_per_second * EVENT_BYTES.spooled),
  };
}

/** In lines for people. */
export function describeOutlook(outlook: DiskOutlook, config: Config): string[] {
  const { events_per_second, store_lasts_s, settled_bytes } = outlook;
  const rate = `${events_per_second.toLocaleString('en-US')} events/s of the usual kind (assumed: ${EVENT_BYTES.stored} bytes each when stored, ${EVENT_BYTES.spooled} while they wait)`;
  const lines = [
    `At ${rate}, on a disk with ${gigabytes(outlook.free_bytes)} free:`,
    `  ClickHouse grows by ${gigabytes(outlook.stored_bytes_per_day)} a day.`,
  ];
  if (settled_bytes !== undefined) {
    lines.push(
      `  Kept for ${config.clickhouse.retention_months} months, that is at most ${gigabytes(settled_bytes)}, room for merges included.`,
    );
  }
  if (store_lasts_s === Number.POSITIVE_INFINITY) lines.push('  That fits: the disk lasts.');
  else if (store_lasts_s !== undefined) {
    lines.push(
      `  The disk lasts ${duration(store_lasts_s)} until the store stops at clickhouse.embedded_free_bytes_min and events wait in the spool.`,
    );
  }
  lines.push(`  ClickHouse may be away for ${duration(outlook.outage_s)} until the spool is full.`);
  return lines;
}

function gigabytes(size_bytes: number): string {
  const size_gb = size_bytes / 1e9;
  return `${size_gb.toLocaleString('en-US', { maximumFractionDigits: size_gb < 10 ? 2 : 0 })} GB`;
}

function duration(seconds: number): string {
  const [size, unit] = seconds >= 2 * DAY_S ? [DAY_S, 'days'] : seconds >= 7200 ? [3600, 'hours'] : [60, 'minutes'];
  return `${(seconds / size).toLocaleString('en-US', { maximumFractionDigits: 1 })} ${unit}`;
}

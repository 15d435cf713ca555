/** The figures that are told of a release, or of a part of it, and the SQL that counts them. */
import type { Row } from '../contract/query.ts';

/** Counts of distinct events, by the interface's names. */
export interface EventCounts {
  readonly downloads: number;
  readonly installs: number;
  readonly rollbacks: number;
  readonly crashes: number;
}

/** A rate is null without the devices that it is a share of. */
export interface Figures extends EventCounts {
  readonly unique_devices: number;
  readonly crash_rate: number | null;
  readonly rollback_rate: number | null;
}

/** Counts that figures are made of. Those of disjoint sets of devices add up. */
export interface Tally extends EventCounts {
  readonly unique_devices: number;
  readonly crashed_devices: number;
  /** Devices with an install or a crash: what crashed ones are a share of. */
  readonly crash_base: number;
  readonly rolled_back_devices: number;
  readonly rollback_base: number;
}

/** The type of event that each count counts, and its bit in what a device has done. */
export const EVENT_KINDS = {
  downloads: { type: 'download_complete', bit: 1 },
  installs: { type: 'apply_success', bit: 2 },
  rollbacks: { type: 'rollback', bit: 4 },
  crashes: { type: 'crash_on_update', bit: 8 },
} as const;

const KINDS = Object.values(EVENT_KINDS);
const { installs, rollbacks, crashes } = EVENT_KINDS;

/** An event's bit. */
export const EVENT_BIT = `toUInt8(transform(event_type, [${KINDS.map(({ type }) => `'${type}'`).join(', ')}], [${KINDS.map(({ bit }) => bit).join(', ')}], 0))`;

/** The columns of a `Tally`, over rows that are one device each: what it has `done`, and how many of each event. */
export const TALLY_DEVICES = [
  ...Object.keys(EVENT_KINDS).map((name) => `sum(each.${name}) AS ${name}`),
  'count() AS unique_devices',
  ...Object.entries({
    crashed_devices: crashes.bit,
    crash_base: crashes.bit | installs.bit,
    rolled_back_devices: rollbacks.bit,
    rollback_base: rollbacks.bit | installs.bit,
  }).map(([name, bits]) => `countIf(bitAnd(each.done, ${bits}) != 0) AS ${name}`),
].join(', ');

export const NO_TALLY: Tally = {
  downloads: 0,
  installs: 0,
  rollbacks: 0,
  crashes: 0,
  unique_devices: 0,
  crashed_devices: 0,
  crash_base: 0,
  rolled_back_devices: 0,
  rollback_base: 0,
};

export function readEventCounts(row: Row): EventCounts {
  return {
    downloads: readNumber(row, 'downloads'),
    installs: readNumber(row, 'installs'),
    rollbacks: readNumber(row, 'rollbacks'),
    crashes: readNumber(row, 'crashes'),
  };
}

export function readTally(row: Row): Tally {
  return {
    ...readEventCounts(row),
    unique_devices: readNumber(row, 'unique_devices'),
    crashed_devices: readNumber(row, 'crashed_devices'),
    crash_base: readNumber(row, 'crash_base'),
    rolled_back_devices: readNumber(row, 'rolled_back_devices'),
    rollback_base: readNumber(row, 'rollback_base'),
  };
}

export function addTallies(left: Tally, right: Tally): Tally {
  return {
    downloads: left.downloads + right.downloads,
    installs: left.installs + right.installs,
    rollbacks: left.rollbacks + right.rollbacks,
    crashes: left.crashes + right.crashes,
    unique_devices: left.unique_devices + right.unique_devices,
    crashed_devices: left.crashed_devices + right.crashed_devices,
    crash_base: left.crash_base + right.crash_base,
    rolled_back_devices: left.rolled_back_devices + right.rolled_back_devices,
    rollback_base: left.rollback_base + right.rollback_base,
  };
}

export function figuresOf(tally: Tally): Figures {
  const { crashed_devices, crash_base, rolled_back_devices, rollback_base, ...counts } = tally;
  return { ...counts, crash_rate: rate(crashed_devices, crash_base), rollback_rate: rate(rolled_back_devices, rollback_base) };
}

/** A share; where both are estimates, the part may seem to be more than the whole. */
function rate(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.min(1, part / whole);
}

export function readNumber(row: Row, name: string): number {
  return Number(row[name] ?? 0);
}

/** A time in milliseconds as ISO 8601; null for none. */
export function isoTime(time_ms: number): string | null {
  return time_ms > 0 ? new Date(time_ms).toISOString() : null;
}

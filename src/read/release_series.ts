/** How one release went over time, how long its downloads and first renders took, and why it was rolled back; exact. */
import type { Row } from '../contract/query.ts';
import { invalidParameter } from './parameters.ts';
import { eventsOnce } from './release_events.ts';
import { COUNT_EVENTS, EVENT_BIT, EVENT_KINDS, type EventCounts, readEventCounts, readNumber } from './release_figures.ts';
import { LABEL_CHARACTERS_MAX, type ReleaseScope } from './release_scope.ts';

export const INTERVALS = ['minute', 'hour', 'day'] as const;
export type Interval = (typeof INTERVALS)[number];

/** More are a mistake: a week of minutes, a year of hours. */
export const POINTS_MAX = 10_000;
const REASONS_MAX = 20;

const INTERVAL_MS: Readonly<Record<Interval, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };
const START_OF: Readonly<Record<Interval, string>> = { minute: 'toStartOfMinute', hour: 'toStartOfHour', day: 'toStartOfDay' };

export interface SeriesPoint extends EventCounts {
  /** The interval's beginning, UTC. */
  readonly time: string;
}

/** When a release was seen, as what, and how often when. */
export interface History {
  readonly first_seen_ms: number;
  readonly last_seen_ms: number;
  readonly bundle_label: string | null;
  /** From the first interval with an event to the last, those without one between them included. */
  readonly series: readonly SeriesPoint[];
}

export const HISTORY_COLUMNS = ['starts_s', ...Object.keys(EVENT_KINDS), 'first_seen_ms', 'last_seen_ms', 'label'];

export function historyStatement(scope: ReleaseScope, interval: Interval): string {
  const columns = { bit: EVENT_BIT, bundle_label: 'bundle_label' };
  return `SELECT toUnixTimestamp(${START_OF[interval]}(each.timestamp)) AS starts_s, ${COUNT_EVENTS},
  toUnixTimestamp64Milli(min(each.timestamp)) AS first_seen_ms, toUnixTimestamp64Milli(max(each.timestamp)) AS last_seen_ms,
  leftUTF8(argMaxIf(each.bundle_label, each.timestamp, each.bundle_label != ''), ${LABEL_CHARACTERS_MAX}) AS label
FROM ${eventsOnce(scope, columns)} AS each GROUP BY starts_s ORDER BY starts_s LIMIT ${POINTS_MAX + 1}`;
}

/** Reads the rows of `historyStatement`. Throws `parameter_invalid` when the intervals are too many. */
export function readHistory(rows: readonly Row[], interval: Interval): History {
  const starts_ms = rows.map((row) => readNumber(row, 'starts_s') * 1000);
  const first_ms = starts_ms[0] ?? 0;
  const last_ms = starts_ms.at(-1) ?? 0;
  if ((last_ms - first_ms) / INTERVAL_MS[interval] >= POINTS_MAX) {
    throw invalidParameter(
      'interval',
      `the events lie in more than ${POINTS_MAX} intervals; take a longer one, or a range with from and to`,
    );
  }
  const by_start = new Map(rows.map((row, position) => [starts_ms[position], row]));
  const series: SeriesPoint[] = [];
  for (let time_ms = first_ms; rows.length > 0 && time_ms <= last_ms; time_ms += INTERVAL_MS[interval]) {
    series.push({ time: new Date(time_ms).toISOString(), ...readEventCounts(by_start.get(time_ms) ?? {}) });
  }
  return {
    first_seen_ms: readNumber(rows[0] ?? {}, 'first_seen_ms'),
    last_seen_ms: Math.max(0, ...rows.map((row) => readNumber(row, 'last_seen_ms'))),
    bundle_label: rows.map((row) => String(row['label'] ?? '')).findLast((label) => label !== '') ?? null,
    series,
  };
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export const PERCENTILE_COLUMNS = ['values', 'quantiles'];

/** Percentiles of a number in the metadata of one type of event, interpolated; what is no number does not count. */
export function percentilesStatement(scope: ReleaseScope, what: 'first_render_ms' | 'download_ms'): string {
  const type = what === 'first_render_ms' ? EVENT_KINDS.installs.type : EVENT_KINDS.downloads.type;
  const columns = { value: `accurateCastOrNull(metadata.${what}, 'Float64')` };
  return `SELECT count() AS values, quantilesExactInclusive(0.5, 0.95, 0.99)(each.value) AS quantiles
FROM ${eventsOnce(scope, columns, type)} AS each WHERE isFinite(each.value)`;
}

/** Null without a value. */
export function readPercentiles(row: Row | undefined): Percentiles | null {
  const quantiles = row?.['quantiles'];
  if (row === undefined || readNumber(row, 'values') === 0 || !Array.isArray(quantiles)) return null;
  const [p50, p95, p99] = quantiles.map(Number);
  return { p50: p50 ?? 0, p95: p95 ?? 0, p99: p99 ?? 0 };
}

export interface RollbackReason {
  readonly reason: string;
  readonly count: number;
}

export const REASON_COLUMNS = ['shown', 'events'];

/** Why devices rolled back, the most frequent first; `unknown` where the metadata has no reason. */
export function reasonsStatement(scope: ReleaseScope): string {
  const columns = { reason: "ifNull(toString(metadata.reason), '')" };
  return `SELECT leftUTF8(if(each.reason = '', 'unknown', each.reason), ${LABEL_CHARACTERS_MAX}) AS shown, count() AS events
FROM ${eventsOnce(scope, columns, EVENT_KINDS.rollbacks.type)} AS each GROUP BY shown ORDER BY events DESC, shown LIMIT ${REASONS_MAX}`;
}

export function readReasons(rows: readonly Row[]): RollbackReason[] {
  return rows.map((row) => ({ reason: String(row['shown']), count: readNumber(row, 'events') }));
}

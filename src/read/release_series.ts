/** How one release went over time, how long its downloads and first renders took, and why it was rolled back; exact. */
import type { Row } from '../contract/query.ts';
import type { ListedDevices } from './listed_devices.ts';
import { invalidParameter } from './parameters.ts';
import { isRepeated } from './release_events.ts';
import { EVENT_BIT, EVENT_KINDS, type EventCounts, readEventCounts, readNumber } from './release_figures.ts';
import { LABEL_CHARACTERS_MAX, ofRelease, type ReleaseScope } from './release_scope.ts';

export const INTERVALS = ['minute', 'hour', 'day'] as const;
export type Interval = (typeof INTERVALS)[number];

/** More are a mistake: a week of minutes, a year of hours. */
export const POINTS_MAX = 10_000;

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

/**
 * A row for each interval, with the percentiles of all beside it; one pass.
 *
 * Most rows are grouped by interval and type. Those that may be one of several of an event are grouped by event, which counts as the earliest.
 */
export function historyStatement(scope: ReleaseScope, listed: ListedDevices, interval: Interval): string {
  const { downloads, installs } = EVENT_KINDS;
  const columns = ['starts_s', ...Object.keys(EVENT_KINDS), 'first_seen_ms', 'last_seen_ms', 'label'];
  const counts = Object.entries(EVENT_KINDS).map(([name, { bit }]) => `sumIf(events, kind = ${bit}) AS ${name}`);
  const quantiles = (bit: number): string => `quantilesExactInclusiveArray(0.5, 0.95, 0.99)(numbers_${bit})`;
  const numbers = [downloads.bit, installs.bit].map((bit) => `groupArrayArrayIf(numbers, kind = ${bit}) AS numbers_${bit}`);
  return `${listed.repeated.with_packed}
SELECT ${columns.map((name, position) => `each.${position + 1} AS ${name}`).join(', ')}, first_render_ms, download_ms
FROM (SELECT groupArray((${columns.join(', ')})) AS intervals, ${quantiles(installs.bit)} AS first_render_ms, ${quantiles(downloads.bit)} AS download_ms
  FROM (SELECT ${startOf('first', interval)} AS starts_s, ${counts.join(', ')}, ${numbers.join(', ')},
      toUnixTimestamp64Milli(min(first)) AS first_seen_ms, toUnixTimestamp64Milli(max(last)) AS last_seen_ms,
      leftUTF8(toString(argMaxIf(label, last_labelled, label != '')), ${LABEL_CHARACTERS_MAX}) AS label
    FROM ${groups(scope, listed, interval)} GROUP BY starts_s))
ARRAY JOIN intervals AS each ORDER BY starts_s LIMIT ${POINTS_MAX + 1}`;
}

/** Of one interval and type, or one event: its `kind`, how many `events`, the `first` and `last`, the `label`, and the `numbers` that are measured. */
function groups(scope: ReleaseScope, listed: ListedDevices, interval: Interval): string {
  const number = (path: string): string => `ifNull(accurateCastOrNull(metadata.${path}, 'Float64'), nan) AS ${path}`;
  return `(SELECT if(is_repeated, argMinIf(bit, timestamp, is_repeated), of_kind) AS kind, if(is_repeated, 1, count()) AS events,
      min(timestamp) AS first, if(is_repeated, first, max(timestamp)) AS last,
      if(is_repeated, argMinIf(bundle_label, timestamp, is_repeated), argMaxIf(bundle_label, timestamp, bundle_label != '')) AS label,
      if(is_repeated, first, maxIf(timestamp, bundle_label != '')) AS last_labelled,
      if(is_repeated, arrayFilter(number -> isFinite(number), [argMinIf(value, timestamp, is_repeated)]),
        groupArrayIf(value, NOT is_repeated AND isFinite(value))) AS numbers
    FROM (SELECT *, if(bit = ${EVENT_KINDS.downloads.bit}, download_ms, first_render_ms) AS value,
        if(is_repeated, event_id, toUUID('00000000-0000-0000-0000-000000000000')) AS of_event, if(is_repeated, device_key, 0) AS of_device,
        if(is_repeated, 0, ${startOf('timestamp', interval)}) AS of_interval, if(is_repeated, 0, bit) AS of_kind
      FROM (SELECT timestamp, event_id, device_key, bundle_label, ${EVENT_BIT} AS bit, ${isRepeated(scope, listed)} AS is_repeated,
          ${number('download_ms')}, ${number('first_render_ms')}
        FROM {database}.deploy_events WHERE ${ofRelease(scope)})
      WHERE is_repeated OR (true${scope.since}))
    GROUP BY of_event, of_device, of_interval, of_kind, is_repeated HAVING NOT is_repeated OR (true${scope.since.replace('timestamp', 'first')}))`;
}

function startOf(time: string, interval: Interval): string {
  return `toUnixTimestamp(${START_OF[interval]}(${time}))`;
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

/** Null without a value. @param quantiles `first_render_ms` or `download_ms` of a row of `historyStatement` */
export function readPercentiles(quantiles: unknown): Percentiles | null {
  if (!Array.isArray(quantiles) || quantiles.includes(null)) return null;
  const [p50, p95, p99] = quantiles.map(Number);
  return { p50: p50 ?? 0, p95: p95 ?? 0, p99: p99 ?? 0 };
}

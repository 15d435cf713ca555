/**
 * What one release did, in all and by platform, app version, OS version and device model; exact.
 *
 * One pass over the rows makes one of each device. A device that was always the same (one platform, one model, …) and has no two rows
 * of one type is plain: it counts once under each of its values, and its rows are its events. The others, which changed or may
 * have been re-delivered, take a pass of their own that looks at each event. Values travel as hashes (`xxh3`), which cost a third of texts: two
 * of a thousand values share one with a probability of 3 in 10¹⁴, two of a million devices of 3 in 10⁸.
 */
import type { Row } from '../contract/query.ts';
import { ofRelease } from './release_events.ts';
import {
  addTallies,
  COUNT_EVENTS,
  EVENT_BIT,
  EVENT_KINDS,
  type Figures,
  figuresOf,
  NO_TALLY,
  readTally,
  TALLY_DEVICES,
  type Tally,
} from './release_figures.ts';
import { LABEL_CHARACTERS_MAX, type ReleaseScope } from './release_scope.ts';

export const DIMENSIONS = ['platform', 'app_version', 'os_version', 'device_model'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** How many values an answer shows, those with the most devices. */
export const VALUES_MAX = 20;
/** How many are fetched of each: a value of the top 20 is among them in both parts. */
const VALUES_FETCHED_MAX = 2000;

const KEYS = DIMENSIONS.map((name) => `${name}_key`);
/** A number for all of a device's values together. */
const ATTRIBUTES = KEYS.map((key, position) => `${2 * position + 1} * ${key}`).join(' + ');

/** The rows of the release, until `to`; `bit` is 0 before `from`: such a row only tells that a later one came again. */
function rowsOf(scope: ReleaseScope): string {
  const bit = scope.since === '' ? EVENT_BIT : `if(true${scope.since}, ${EVENT_BIT}, 0)`;
  const keys = DIMENSIONS.map((name) => `xxh3(${name}) AS ${name}_key`);
  return `(SELECT xxh3(distinct_id) AS device, event_id, timestamp, ${EVENT_BIT} AS kind, ${bit} AS bit, ${keys.join(', ')}, ${ATTRIBUTES} AS attributes
  FROM {database}.deploy_events WHERE ${ofRelease(scope)})`;
}

const IS_PLAIN = `min(attributes) = max(attributes)
  AND ${Object.values(EVENT_KINDS)
    .map(({ bit }) => `countIf(kind = ${bit}) <= 1`)
    .join(' AND ')}`;

/** The name of the dimension that a row of grouping sets is of, and its key: the keys that are not grouped by are 0. */
const DIMENSION = `multiIf(${KEYS.map((key, position) => `grouping(${key}) = 0, '${DIMENSIONS[position]}'`).join(', ')}, '')`;
const KEY = `toString(${KEYS.join(' + ')})`;

/** Tallies of plain devices: `dimension`, `key`; in all where the dimension is empty. `plain` is 0 in those of all others together. */
export function plainStatement(scope: ReleaseScope): string {
  const sets = ['(plain)', ...KEYS.map((key) => `(plain, ${key})`)];
  return `SELECT plain, ${DIMENSION} AS dimension, ${KEY} AS key, ${TALLY_DEVICES}
FROM (
  SELECT groupBitOr(bit) AS done, ${COUNT_EVENTS}, ${IS_PLAIN} AS plain, ${KEYS.map((key) => `any(${key}) AS ${key}`).join(', ')}
  FROM ${rowsOf(scope)} GROUP BY device
) AS each
WHERE each.done != 0 OR NOT each.plain
GROUP BY GROUPING SETS (${sets.join(', ')})
ORDER BY unique_devices DESC LIMIT ${VALUES_FETCHED_MAX} BY plain, dimension`;
}

/** Tallies of the other devices, by the values that each of their events had. */
export function othersStatement(scope: ReleaseScope): string {
  const others = `(SELECT device FROM ${rowsOf(scope)} GROUP BY device HAVING NOT (${IS_PLAIN}))`;
  const events = `SELECT device, argMin(again.kind, again.timestamp) AS bit, ${KEYS.map((key) => `argMin(again.${key}, again.timestamp) AS ${key}`).join(', ')},
    min(again.timestamp) AS timestamp
  FROM ${rowsOf(scope)} AS again WHERE device IN ${others} GROUP BY event_id, device HAVING true${scope.since}`;
  const sets = ['(device)', ...KEYS.map((key) => `(device, ${key})`)];
  return `SELECT each.dimension AS dimension, each.key AS key, ${TALLY_DEVICES}
FROM (
  SELECT device, ${DIMENSION} AS dimension, ${KEY} AS key, groupBitOr(bit) AS done, ${COUNT_EVENTS}
  FROM (${events}) GROUP BY GROUPING SETS (${sets.join(', ')})
) AS each
GROUP BY dimension, key ORDER BY unique_devices DESC LIMIT ${VALUES_FETCHED_MAX} BY dimension`;
}

/** Tallies by value of one release. */
export class Breakdown {
  private readonly tallies = new Map<string, Map<string, Tally>>();
  /** True when some devices are not plain, so that the rows of `othersStatement` are to be added. */
  readonly has_others: boolean;

  /** @param rows of `plainStatement` */
  constructor(rows: readonly Row[]) {
    this.has_others = rows.some((row) => Number(row['plain']) === 0);
    for (const row of rows) if (Number(row['plain']) === 1) this.add(row);
  }

  /** Adds a tally; its devices are none of those that are in. */
  add(row: Row): void {
    const dimension = String(row['dimension']);
    const key = dimension === '' ? '' : String(row['key']);
    const tallies = this.tallies.get(dimension) ?? new Map<string, Tally>();
    this.tallies.set(dimension, tallies.set(key, addTallies(tallies.get(key) ?? NO_TALLY, readTally(row))));
  }

  total(): Figures {
    return figuresOf(this.tallies.get('')?.get('') ?? NO_TALLY);
  }

  /** The values with the most devices, as their hashes. */
  top(dimension: Dimension): readonly (readonly [key: string, figures: Figures])[] {
    return [...(this.tallies.get(dimension) ?? [])]
      .sort(([left_key, left], [right_key, right]) => right.unique_devices - left.unique_devices || (left_key < right_key ? -1 : 1))
      .slice(0, VALUES_MAX)
      .map(([key, tally]) => [key, figuresOf(tally)]);
  }
}

/** The texts of hashes: rows `dimension`, `key`, `value`. Takes a parameter `platform_keys`, … each: a list of hashes. */
export function valuesStatement(scope: ReleaseScope): string {
  return DIMENSIONS.map(
    (name) => `SELECT '${name}' AS dimension, toString(xxh3(${name})) AS key, leftUTF8(any(${name}), ${LABEL_CHARACTERS_MAX}) AS value
FROM {database}.deploy_events WHERE ${ofRelease(scope)} AND has({${name}_keys:Array(UInt64)}, xxh3(${name})) GROUP BY xxh3(${name})`,
  ).join('\nUNION ALL\n');
}

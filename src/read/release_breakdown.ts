/**
 * What one release did, in all and by platform, app version, OS version and device model; exact.
 *
 * One pass makes a row per device. A device that was always the same (one platform, one model, …) then counts once under each of its
 * values, without a set of devices per value. Those that changed, which are few, take a pass of their own. Values travel as hashes
 * (`xxh3`), which cost a third of texts: two of a thousand values share one with a probability of 3 in 10¹⁴, two of a
 * million devices of 3 in 10⁸.
 */
import type { Row } from '../contract/query.ts';
import { eventsOnce, ofRelease, type Survey } from './release_events.ts';
import {
  addTallies,
  COUNT_EVENTS,
  EVENT_BIT,
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

const DEVICE = 'xxh3(distinct_id)';
/** A number for all of a device's values together. */
const ATTRIBUTES = DIMENSIONS.map((name, position) => `${2 * position + 1} * xxh3(${name})`).join(' + ');
const COLUMNS = {
  device: DEVICE,
  bit: EVENT_BIT,
  attributes: ATTRIBUTES,
  ...Object.fromEntries(DIMENSIONS.map((name) => [`${name}_key`, `xxh3(${name})`])),
};
const KEYS = DIMENSIONS.map((name) => `${name}_key`);

/** Tallies of devices by whether they `changed`, in all and by each dimension's values: `dimension`, `key`. */
export function breakdownStatement(scope: ReleaseScope, survey: Survey): string {
  const sets = ['(changed)', ...KEYS.map((key) => `(changed, ${key})`)];
  const dimension = `multiIf(${KEYS.map((key, position) => `grouping(each.${key}) = 0, '${DIMENSIONS[position]}'`).join(', ')}, '')`;
  return `SELECT each.changed AS changed, ${dimension} AS dimension, toString(${KEYS.map((key) => `each.${key}`).join(' + ')}) AS key, ${TALLY_DEVICES}
FROM (
  SELECT groupBitOr(bit) AS done, ${COUNT_EVENTS}, min(attributes) != max(attributes) AS changed, ${KEYS.map((key) => `any(${key}) AS ${key}`).join(', ')}
  FROM ${eventsOnce(scope, survey, COLUMNS)} GROUP BY device
) AS each
GROUP BY GROUPING SETS (${sets.join(', ')})
ORDER BY unique_devices DESC LIMIT ${VALUES_FETCHED_MAX} BY changed, dimension`;
}

/** The same for the devices that changed alone, by the values that each of their events had. */
export function changedStatement(scope: ReleaseScope, survey: Survey): string {
  const changed = `(SELECT device FROM ${eventsOnce(scope, survey, COLUMNS)} GROUP BY device HAVING min(attributes) != max(attributes))`;
  const parts = DIMENSIONS.map(
    (name) => `SELECT '${name}' AS dimension, toString(each.key) AS key, ${TALLY_DEVICES}
FROM (
  SELECT ${name}_key AS key, groupBitOr(bit) AS done, ${COUNT_EVENTS}
  FROM ${eventsOnce(scope, survey, COLUMNS)} WHERE device IN ${changed} GROUP BY key, device
) AS each GROUP BY key ORDER BY unique_devices DESC LIMIT ${VALUES_FETCHED_MAX}`,
  );
  return parts.map((part) => `SELECT * FROM (${part})`).join('\nUNION ALL\n');
}

/** Tallies by value of one release. */
export class Breakdown {
  private readonly tallies = new Map<string, Map<string, Tally>>();
  /** True when some devices changed, so that the rows of `changedStatement` are to be added. */
  readonly has_changed: boolean;

  /** @param rows of `breakdownStatement` */
  constructor(rows: readonly Row[]) {
    this.has_changed = rows.some((row) => Number(row['changed']) === 1);
    for (const row of rows) {
      if (row['dimension'] === '' || Number(row['changed']) === 0) this.add(row);
    }
  }

  /** Adds a row of `changedStatement`; its devices are none of those that are in. */
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

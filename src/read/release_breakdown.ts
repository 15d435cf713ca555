/**
 * What one release did, in all and by platform, app version, OS version and device model; exact: the tallies of plain devices
 * (`release_devices.ts`) and those of all others, which are looked at event by event. Values travel as hashes (`xxh3`), which cost a third of texts:
 * two of a thousand values share one with a probability of 3 in 10¹⁴, two of a million devices of 3 in 10⁸.
 */
import type { Row } from '../contract/query.ts';
import { DIMENSIONS, type Dimension, OTHER_DEVICES } from './release_devices.ts';
import { ofRelease } from './release_events.ts';
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

/** How many values an answer shows, those with the most devices. */
export const VALUES_MAX = 20;
/** How many are fetched of the other devices' values. */
const VALUES_FETCHED_MAX = 2000;

const KEYS = DIMENSIONS.map((name) => `${name}_key`);

const OF_OTHERS = `device_key IN (SELECT arrayJoin(${OTHER_DEVICES}))`;

/** Tallies of the devices that are not plain, by the values that each of their events had: `dimension`, `key`; in all where the dimension is empty. */
export function othersStatement(scope: ReleaseScope): string {
  const keys = DIMENSIONS.map((name) => `xxh3(${name}) AS ${name}_key`);
  const events = `SELECT device, argMin(copy.kind, copy.timestamp) AS bit, ${KEYS.map((key) => `argMin(copy.${key}, copy.timestamp) AS ${key}`).join(', ')},
    min(copy.timestamp) AS timestamp
  FROM (SELECT device_key AS device, event_id, timestamp, ${EVENT_BIT} AS kind, ${keys.join(', ')}
    FROM {database}.deploy_events WHERE ${ofRelease(scope)} AND ${OF_OTHERS}) AS copy
  GROUP BY event_id, device HAVING true${scope.since}`;
  // Each event once in all and once for each of its values: grouping sets over five keys took three times as long.
  return `SELECT ['', ${DIMENSIONS.map((name) => `'${name}'`).join(', ')}][1 + each.position] AS dimension, toString(each.key) AS key, ${TALLY_DEVICES}
FROM (
  SELECT device, position, key, groupBitOr(bit) AS done, ${COUNT_EVENTS}
  FROM (${events}) ARRAY JOIN [toUInt64(0), ${KEYS.join(', ')}] AS key, [0, ${KEYS.map((_key, position) => position + 1).join(', ')}] AS position
  GROUP BY device, position, key
) AS each
GROUP BY each.position, each.key ORDER BY unique_devices DESC LIMIT ${VALUES_FETCHED_MAX} BY dimension`;
}

/** Tallies by value of one release. */
export class Breakdown {
  private readonly tallies = new Map<string, Map<string, Tally>>();

  /** Adds a tally; its devices are none of those that are in. */
  add(dimension: Dimension | '', key: string, tally: Tally): void {
    const tallies = this.tallies.get(dimension) ?? new Map<string, Tally>();
    this.tallies.set(dimension, tallies.set(key, addTallies(tallies.get(key) ?? NO_TALLY, tally)));
  }

  /** Adds a row of `othersStatement`. */
  addOthers(row: Row): void {
    const dimension = DIMENSIONS.find((name) => name === row['dimension']) ?? '';
    this.add(dimension, dimension === '' ? '' : String(row['key']), readTally(row));
  }

  total(): Figures {
    return figuresOf(this.tallies.get('')?.get('') ?? NO_TALLY);
  }

  /** The values with the most devices, as their hashes. */
  top(dimension: Dimension): readonly (readonly [key: string, figures: Figures])[] {
    return [...(this.tallies.get(dimension) ?? [])]
      .filter(([, { unique_devices }]) => unique_devices > 0)
      .sort(([left_key, left], [right_key, right]) => right.unique_devices - left.unique_devices || (left_key < right_key ? -1 : 1))
      .slice(0, VALUES_MAX)
      .map(([key, tally]) => [key, figuresOf(tally)]);
  }
}

/** The texts of hashes: rows `dimension`, `key`, `value`. Takes a parameter `platform_keys`, … each: a list of hashes. */
export function valuesStatement(scope: ReleaseScope, dimensions: readonly Dimension[]): string {
  return dimensions
    .map(
      (name) => `SELECT '${name}' AS dimension, toString(xxh3(${name})) AS key, leftUTF8(any(${name}), ${LABEL_CHARACTERS_MAX}) AS value
FROM {database}.deploy_events WHERE ${ofRelease(scope)} AND has({${name}_keys:Array(UInt64)}, xxh3(${name})) GROUP BY xxh3(${name})`,
    )
    .join('\nUNION ALL\n');
}

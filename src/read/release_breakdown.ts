/**
 * What one release did, in all and by platform, app version, OS version and device model; exact: the tallies of plain devices
 * (`release_devices.ts`) and those of the others, which are looked at event by event. Values travel as hashes (`xxh3`), which cost a third of texts:
 * two of a thousand values share one with a probability of 3 in 10¹⁴, two of a million devices of 3 in 10⁸.
 */
import type { Row } from '../contract/query.ts';
import type { DeviceList } from './listed_devices.ts';
import { DIMENSIONS, type Dimension } from './release_devices.ts';
import { gatheredOnce } from './release_events.ts';
import {
  addTallies,
  EVENT_BIT,
  EVENT_KINDS,
  type Figures,
  figuresOf,
  NO_TALLY,
  readTally,
  TALLY_DEVICES,
  type Tally,
} from './release_figures.ts';
import { LABEL_CHARACTERS_MAX, ofRelease, type ReleaseScope } from './release_scope.ts';

/** How many values an answer shows, those with the most devices. */
export const VALUES_MAX = 20;
/** How many are fetched of the other devices' values. */
const VALUES_FETCHED_MAX = 2000;

const KEYS = DIMENSIONS.map((name) => `${name}_key`);

/** Tallies of the listed devices, which are looked at event by event: by value in each dimension, and in all where the dimension is empty. */
export function othersStatement(scope: ReleaseScope, listed: DeviceList): string {
  const kinds = Object.entries(EVENT_KINDS);
  const hashes = Object.fromEntries(DIMENSIONS.map((name) => [`${name}_key`, `xxh3(${name})`]));
  const columns = { device: 'device_key', bit: EVENT_BIT, ...hashes };
  // No bare IN: its set would be made twice, first for indexes that know nothing of devices (90 ms of analysis for 45,000).
  const is_listed = ` AND if(${listed.condition}, true, false)`;
  // By all values first, of which a device has few: grouping sets over five keys took three times as long.
  return `${listed.with_packed}
SELECT [${DIMENSIONS.map((name) => `'${name}'`).join(', ')}, ''][1 + each.position] AS dimension, toString(each.key) AS key, ${TALLY_DEVICES}
FROM (SELECT device, each_key.1 AS position, each_key.2 AS key, groupBitOr(bits) AS done, ${kinds.map(([name]) => `sum(${name}_of_values) AS ${name}`).join(', ')}
  FROM (SELECT *, arrayJoin(arrayZip(range(toUInt8(${KEYS.length + 1})), [${KEYS.join(', ')}, 0])) AS each_key
    FROM (SELECT device, ${KEYS.join(', ')}, groupBitOr(bit) AS bits, ${kinds.map(([name, { bit }]) => `countIf(bit = ${bit}) AS ${name}_of_values`).join(', ')}
      FROM (${gatheredOnce(scope, columns, is_listed)})
      GROUP BY device, ${KEYS.join(', ')}))
  GROUP BY device, position, key) AS each
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

/**
 * SQL of one release by device, exact: one pass makes a row of each device, and the plain ones are counted at once.
 *
 * A device is plain when each of its rows is another event and all its rows say the same of it (platform, model, …). Both are seen in numbers of
 * 64 bits, which cost a fraction of sets. Each event takes one of 64 slots by its id, and another by other bits of it: as many slots as rows
 * prove that no event came twice. Each value has a number of 16 bits: where all rows agree, their OR is their AND. What is not proven goes the
 * long way with the other devices (`release_breakdown.ts`), so that a wrong suspicion costs time and never a figure.
 *
 * Numbers are those of the values among the release's first rows. A device with another value is not plain.
 */
import type { Row } from '../contract/query.ts';
import { listOf } from './collected_rows.ts';
import { ofRelease } from './release_events.ts';
import { EVENT_KINDS, readTally, type Tally } from './release_figures.ts';
import { LABEL_CHARACTERS_MAX, type ReleaseScope } from './release_scope.ts';

export const DIMENSIONS = ['platform', 'app_version', 'os_version', 'device_model'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** The alias of what `devicesExpression` says: tallies, and the devices that are not plain. */
export const DEVICES = 'devices';
export const OTHER_DEVICES = `${DEVICES}.2`;

const SAMPLE_ROWS = 32_768;
/** Of each dimension. The number 0 is that of no value, 1 of the hash 0. */
const VALUES_MAX = 1023;
const NUMBERS_BEFORE = 2;
const CODE_BITS = 16;
const KINDS = Object.values(EVENT_KINDS);
/** Of a device's rows, in one number: how many of each type that count, nine bits each, and above them how many in all. */
const FIELD_BITS = 9;
const ROWS_AT = FIELD_BITS * KINDS.length;
const FIELD_MAX = 2 ** FIELD_BITS - 1;
/** Devices are taken in so many parts, each by a thread of its own: one that shared its devices with another would have to merge them. */
const PARTS = 2;

/** A value that has a number: the next after that of the one before it. */
export interface KnownValue {
  readonly key: string;
  readonly text: string;
}
export type KnownValues = Readonly<Record<Dimension, readonly KnownValue[]>>;

/** Asks for the values that shall have numbers. */
export function knownValuesStatement(scope: ReleaseScope): string {
  const lists = DIMENSIONS.map(
    (name) => `groupUniqArray(${VALUES_MAX})((toString(xxh3(${name})), leftUTF8(${name}, ${LABEL_CHARACTERS_MAX}))) AS ${name}_values`,
  );
  return `SELECT ${lists.join(', ')}
FROM (SELECT ${DIMENSIONS.join(', ')} FROM {database}.deploy_events WHERE ${ofRelease(scope)} LIMIT ${SAMPLE_ROWS})`;
}

export function readKnownValues(row: Row | undefined): KnownValues {
  const of = (name: Dimension): KnownValue[] =>
    listOf(row?.[`${name}_values`]).map((known) => {
      const [key, text] = listOf(known);
      return { key: String(key), text: String(text) };
    });
  return { platform: of('platform'), app_version: of('app_version'), os_version: of('os_version'), device_model: of('device_model') };
}

/**
 * Tallies of plain devices, of each dimension three lists; and the devices that are not plain.
 *
 * The lists are: how many devices have done what, sixteen numbers a value, by the bits of `EVENT_KINDS`; and how many events of the first
 * and second kind there were, of the third and fourth, one pair a value. First come the numbers 0 and 1.
 */
export function devicesExpression(scope: ReleaseScope, known: KnownValues): string {
  const parts = Array.from({ length: PARTS }, (_none, part) => `SELECT * FROM ${eachDevice(scope, known, part)}`);
  const tallies = DIMENSIONS.map((name, position) => {
    const code = `code_${position}`;
    const shown = known[name].length + NUMBERS_BEFORE;
    const sums = ['first_pair', 'second_pair'].map((pair) => `sumResampleIf(0, ${shown}, 1)(${pair}, ${code}, is_plain)`);
    return `(countResampleIf(0, ${16 * shown}, 1)(16 * ${code} + done, is_plain),
      ${sums.map((sum) => `arrayMap(pair -> (bitAnd(pair, ${2 ** 32 - 1}), bitShiftRight(pair, 32)), ${sum})`).join(', ')})`;
  });
  const has_values = DIMENSIONS.map((_name, position) => `code_${position} != 0`).join(' AND ');
  return `(SELECT ((${tallies.join(',\n    ')}), groupArrayIf(device, is_other))
  FROM (SELECT device, ${DIMENSIONS.map((_name, position) => `${codeOf(position)} AS code_${position}`).join(', ')},
      (bitCount(slots) = bitShiftRight(counts, ${ROWS_AT}) OR bitCount(further_slots) = bitShiftRight(counts, ${ROWS_AT})) AS is_each_once, bitAnd(counts, ${2 ** ROWS_AT - 1}) = 0 AS is_absent,
      is_each_once AND NOT is_absent AND any_codes = all_codes AND ${has_values} AS is_plain,
      NOT is_plain AND NOT (is_each_once AND is_absent) AS is_other,
      ${KINDS.map(({ bit }, position) => `if(${fieldOf(position)} = 0, 0, ${bit})`).join(' + ')} AS done,
      ${fieldOf(0)} + bitShiftLeft(${fieldOf(1)}, 32) AS first_pair, ${fieldOf(2)} + bitShiftLeft(${fieldOf(3)}, 32) AS second_pair
    FROM (${parts.join('\n    UNION ALL\n    ')})))`;
}

/** @param tallies the first element of `devicesExpression`; @returns one for each known value of the dimension, in their order */
export function readPlainTallies(tallies: unknown, dimension: Dimension, known: KnownValues): Tally[] {
  const [devices, first_pairs, second_pairs] = listOf(listOf(tallies)[DIMENSIONS.indexOf(dimension)]).map(listOf);
  return known[dimension].map((_value, position) => {
    const at = position + NUMBERS_BEFORE;
    const [downloads, installs] = listOf(first_pairs?.[at]);
    const [rollbacks, crashes] = listOf(second_pairs?.[at]);
    const counts = { downloads, installs, rollbacks, crashes };
    return readTally({ ...counts, ...deviceCounts(devices?.slice(16 * at, 16 * at + 16)) });
  });
}

/** @param devices how many have done what, by the bits of what they did */
function deviceCounts(devices: readonly unknown[] = []): Row {
  const having = (bits: number): number => devices.reduce((sum: number, count, done) => sum + ((done & bits) === 0 ? 0 : Number(count)), 0);
  const { installs, rollbacks, crashes } = EVENT_KINDS;
  return {
    unique_devices: devices.reduce((sum: number, count) => sum + Number(count), 0),
    crashed_devices: having(crashes.bit),
    crash_base: having(crashes.bit | installs.bit),
    rolled_back_devices: having(rollbacks.bit),
    rollback_base: having(rollbacks.bit | installs.bit),
  };
}

/** A row per device of one part: `counts`, its `slots`, and the numbers of its values, of any row and of all. */
function eachDevice(scope: ReleaseScope, known: KnownValues, part: number): string {
  const numbers = KINDS.map((_kind, position) => `toUInt64(${2 ** ROWS_AT + 2 ** (FIELD_BITS * position)})`);
  const counts = `transform(event_type, [${KINDS.map(({ type }) => `'${type}'`).join(', ')}], [${numbers.join(', ')}], toUInt64(${2 ** ROWS_AT}))`;
  const codes = DIMENSIONS.map((name, position) => {
    // Hashes are digits, which is all that a text of SQL may hold of what a device has sent; as parameters they would not fit an address.
    const keys = ['0', ...known[name].map(({ key }) => String(BigInt(key)))].map((key) => `toUInt64(${key})`);
    return `bitShiftLeft(transform(xxh3(${name}), [${keys.join(', ')}], range(toUInt64(1), toUInt64(${keys.length + 1})), toUInt64(0)), ${CODE_BITS * position})`;
  }).join(' + ');
  // A row before `from` is there only to show that a later one came again.
  const within = (value: string, otherwise: string): string =>
    scope.since === '' ? value : `if(true${scope.since}, ${value}, ${otherwise})`;
  return `(SELECT device, sum(row_counts) AS counts, groupBitOr(slot) AS slots, groupBitOr(further_slot) AS further_slots,
      groupBitOr(${within('codes', 'toUInt64(0)')}) AS any_codes, groupBitAnd(${within('codes', 'bitNot(toUInt64(0))')}) AS all_codes
    FROM (SELECT device_key AS device, timestamp, ${within(counts, `toUInt64(${2 ** ROWS_AT})`)} AS row_counts, ${codes} AS codes,
        ${slotOf(0)} AS slot, ${slotOf(6)} AS further_slot
      FROM {database}.deploy_events WHERE ${ofRelease(scope)} AND bitAnd(device_key, ${PARTS - 1}) = ${part})
    GROUP BY device SETTINGS max_threads = 1)`;
}

/** The slot that an event takes by six bits of its id. */
function slotOf(bit: number): string {
  return `bitShiftLeft(toUInt64(1), bitAnd(bitShiftRight(reinterpret(event_id, 'UInt64'), ${bit}), 63))`;
}

function codeOf(position: number): string {
  return `bitAnd(bitShiftRight(any_codes, ${CODE_BITS * position}), ${2 ** CODE_BITS - 1})`;
}

function fieldOf(position: number): string {
  return `bitAnd(bitShiftRight(counts, ${FIELD_BITS * position}), ${FIELD_MAX})`;
}

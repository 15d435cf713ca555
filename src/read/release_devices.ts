/**
 * SQL of one release by device, exact: one pass makes a row of each device, and most are counted at once, in arrays.
 *
 * That needs two proofs, that each of its rows is another event, and in each dimension (platform, model, …) that all its rows say the same.
 * Both are seen in numbers of 64 bits, which cost a fraction of sets. Each event takes one of 64 slots by its id, and another by other bits of
 * it: as many slots as rows prove that no event came twice. Each value has a number of 16 bits: where all rows agree, their OR is their AND.
 * Where a proof is missing the device goes the long way (`release_breakdown.ts`), so that a wrong suspicion costs time and never a figure.
 *
 * Numbers are those of the values among the release's first rows. A device with another value goes the long way too.
 */
import type { Row } from '../contract/query.ts';
import { LISTS, PACKED_LISTS } from './listed_devices.ts';
import { EVENT_KINDS, readTally, type Tally } from './release_figures.ts';
import { LABEL_CHARACTERS_MAX, ofRelease, type ReleaseScope } from './release_scope.ts';

export const DIMENSIONS = ['platform', 'app_version', 'os_version', 'device_model'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

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
/** What a device has done has four bits; a cell of a tally is those, and above them the number of a value. */
const DONE = 16;
/** Of a tally's events: how many of each type there are beyond one a device, in one number. */
const COUNT_BITS = 32;

/** A value that has a number: the next after that of the one before it. */
export interface KnownValue {
  readonly key: string;
  readonly text: string;
}
export type KnownValues = Readonly<Record<Dimension, readonly KnownValue[]>>;

/** Asks for the values that shall have numbers, and for `sampled_rows`: how many rows there are, if fewer than `SAMPLE_ROWS`. */
export function knownValuesStatement(scope: ReleaseScope): string {
  const lists = DIMENSIONS.map(
    (name) => `groupUniqArray(${VALUES_MAX})((toString(xxh3(${name})), leftUTF8(${name}, ${LABEL_CHARACTERS_MAX}))) AS ${name}_values`,
  );
  return `SELECT count() AS sampled_rows, ${lists.join(', ')}
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

/** One row: `total` and `tallies`, and the columns of `listed_devices.ts`. */
export function devicesStatement(scope: ReleaseScope, known: KnownValues): string {
  const tallies = DIMENSIONS.map((name, position) => tallyOf(`cell_${position}`, known[name].length + NUMBERS_BEFORE));
  return `SELECT total, tallies, ${PACKED_LISTS}
FROM (SELECT ${tallyOf(`${DONE} * is_plain + done`, NUMBERS_BEFORE)} AS total, [${tallies.join(',\n  ')}] AS tallies, ${LISTS}
FROM ${judgedDevices(scope, known)})`;
}

/**
 * A tally by number, two lists: how many devices there are of each cell, and of each number how many events beyond the first of its type
 * a device has. Nearly all have none, so that counting devices counts their events.
 */
function tallyOf(cell: string, numbers: number): string {
  return `(countResample(0, ${DONE * numbers}, 1)(${cell}),
    arrayMap(sum -> toString(sum), sumResampleIf(0, ${numbers}, 1)(more, intDiv(${cell}, ${DONE}), more != 0)))`;
}

/** @param tallies `tallies` of `devicesStatement`; @returns one for each known value of the dimension, in their order */
export function readTallies(tallies: unknown, dimension: Dimension, known: KnownValues): Tally[] {
  const tally = listOf(tallies)[DIMENSIONS.indexOf(dimension)];
  return known[dimension].map((_value, position) => tallyAt(tally, position + NUMBERS_BEFORE));
}

/** @param total of `devicesStatement` */
export function readTotal(total: unknown): Tally {
  return tallyAt(total, 1);
}

function tallyAt(tally: unknown, number: number): Tally {
  const [cells, sums] = listOf(tally).map(listOf);
  const devices = Array.from({ length: DONE }, (_none, done) => Number(cells?.[DONE * number + done] ?? 0));
  const more = BigInt(String(sums?.[number] ?? 0));
  const having = (bits: number): number => devices.reduce((sum, count, done) => sum + ((done & bits) === 0 ? 0 : count), 0);
  const events = Object.entries(EVENT_KINDS).map(([name, { bit }], position) => {
    const beyond = Number(BigInt.asUintN(COUNT_BITS, more >> BigInt(COUNT_BITS * position)));
    return [name, having(bit) + beyond];
  });
  const { installs, rollbacks, crashes } = EVENT_KINDS;
  return readTally({
    ...Object.fromEntries(events),
    unique_devices: having(DONE - 1),
    crashed_devices: having(crashes.bit),
    crash_base: having(crashes.bit | installs.bit),
    rolled_back_devices: having(rollbacks.bit),
    rollback_base: having(rollbacks.bit | installs.bit),
  });
}

/**
 * A row per device: whether it `is_each_once`, whether it `is_plain`, which is the same in all dimensions too, with its cell of each if so, and
 * whether it `is_other`: to be looked at event by event. A level for each step, since each use of an alias is analysed again.
 */
export function judgedDevices(scope: ReleaseScope, known: KnownValues): string {
  const fields = KINDS.map(
    (_kind, position) => `bitAnd(bitShiftRight(counts, ${FIELD_BITS * position}), ${FIELD_MAX}) AS field_${position}`,
  );
  const done = KINDS.map(({ bit }, position) => `${bit} * (field_${position} != 0)`);
  const more = KINDS.map((_kind, position) => `bitShiftLeft(toUInt128(greatest(field_${position}, 1) - 1), ${COUNT_BITS * position})`);
  const numbers = DIMENSIONS.map((_name, position) => `toUInt16(bitShiftRight(any_codes, ${CODE_BITS * position})) AS number_${position}`);
  const have_numbers = DIMENSIONS.map((_name, position) => `number_${position} != 0`).join(' AND ');
  const cells = DIMENSIONS.map((_name, position) => `if(is_plain, ${DONE} * number_${position} + done, 0) AS cell_${position}`);
  return `(SELECT device, row_count, is_each_once, is_plain, NOT is_each_once OR (done != 0 AND NOT is_plain) AS is_other, done, more, ${cells.join(', ')}
  FROM (SELECT *, is_each_once AND done != 0 AND differing = 0 AND ${have_numbers} AS is_plain
  FROM (SELECT device, row_count, differing, is_each_once, ${done.join(' + ')} AS done, ${more.join(' + ')} AS more, ${numbers.join(', ')}
  FROM (SELECT device, bitShiftRight(counts, ${ROWS_AT}) AS row_count, any_codes, bitXor(any_codes, all_codes) AS differing, ${fields.join(', ')},
      (bitCount(slots) = bitShiftRight(counts, ${ROWS_AT}) OR bitCount(further_slots) = bitShiftRight(counts, ${ROWS_AT})) AS is_each_once
    FROM ${eachDevice(scope, known)}))))`;
}

/** A row per device: `counts`, its `slots`, and the numbers of its values, of any row and of all. */
function eachDevice(scope: ReleaseScope, known: KnownValues): string {
  const numbers = KINDS.map((_kind, position) => 2 ** ROWS_AT + 2 ** (FIELD_BITS * position));
  const counts = `transform(event_type, [${KINDS.map(({ type }) => `'${type}'`).join(', ')}], ${numberList(numbers)}, toUInt64(${2 ** ROWS_AT}))`;
  const codes = DIMENSIONS.map((name, position) => {
    // Hashes are digits, which is all that a text of SQL may hold of what a device has sent; as parameters they would not fit an address.
    const keys = ['0', ...known[name].map(({ key }) => String(BigInt(key)))];
    return `bitShiftLeft(transform(xxh3(${name}), ${numberList(keys)}, range(toUInt64(1), toUInt64(${keys.length + 1})), toUInt64(0)), ${CODE_BITS * position})`;
  }).join(' + ');
  // A row before `from` is there only to show that a later one came again.
  const within = (value: string, otherwise: string): string =>
    scope.since === '' ? value : `if(true${scope.since}, ${value}, ${otherwise})`;
  return `(SELECT device, sum(row_counts) AS counts, groupBitOr(slot) AS slots, groupBitOr(further_slot) AS further_slots,
      groupBitOr(${within('codes', 'toUInt64(0)')}) AS any_codes, groupBitAnd(${within('codes', 'bitNot(toUInt64(0))')}) AS all_codes
    FROM (SELECT device_key AS device, timestamp, ${within(counts, `toUInt64(${2 ** ROWS_AT})`)} AS row_counts, ${codes} AS codes,
        ${slotOf(0)} AS slot, ${slotOf(6)} AS further_slot
      FROM {database}.deploy_events WHERE ${ofRelease(scope)})
    GROUP BY device)`;
}

/** As one text: a list of hundreds of literals would be analysed one by one. */
function numberList(numbers: readonly (number | string)[]): string {
  return `CAST('[${numbers.join(',')}]', 'Array(UInt64)')`;
}

/** The slot that an event takes by six bits of its id. */
function slotOf(bit: number): string {
  return `bitShiftLeft(toUInt64(1), bitAnd(bitShiftRight(reinterpret(event_id, 'UInt64'), ${bit}), 63))`;
}

/** What is no list is an empty one. */
function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

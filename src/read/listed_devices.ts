/**
 * The devices of a release that are looked at event by event, as one statement hands them to the next: those of which an event may have
 * come twice, and those that changed. A list travels as Base64 of its numbers, since thousands of literals would be analysed one by one. Lists
 * that are too long for a statement are found again where they are needed. What is said of each device does not travel: joining it cost the
 * analysis of a statement 150 ms more for 45,000 devices.
 */
import type { Row } from '../contract/query.ts';
import { readNumber } from './release_figures.ts';

/** A statement may have a megabyte. */
const LISTED_MAX = 60_000;

/** Columns of one row over `judgedDevices` (`release_devices.ts`). */
export const LISTS =
  'groupArrayIf(device, NOT is_each_once) AS repeated, groupArrayIf(device, is_each_once AND is_other) AS changed, sumIf(row_count, NOT is_each_once) AS repeated_rows';

/** What the answer shall have of these. */
export const PACKED_LISTS = [
  'repeated_rows, length(repeated) AS repeated_devices, length(changed) AS changed_devices',
  ...['repeated', 'changed'].map(
    (list) => `if(${list}_devices > ${LISTED_MAX}, '', base64Encode(reinterpret(${list}, 'String'))) AS ${list}_packed`,
  ),
].join(', ');

/** Devices as a statement can take them. */
export interface DeviceList {
  readonly length: number;
  /** SQL, to stand before a SELECT that uses the set. */
  readonly with_packed: string;
  /** SQL: a condition on rows. */
  readonly condition: string;
}

export interface ListedDevices {
  /** Of which an event may have come twice. */
  readonly repeated: DeviceList;
  /** These and those that changed. */
  readonly all: DeviceList;
  /** Of the repeated. */
  readonly repeated_rows: number;
}

/** All devices of a release, of so few rows that it does not pay to look for those that need it. */
export function everyDevice(rows: number): ListedDevices {
  const every = { length: rows, with_packed: '', condition: 'true' };
  return { repeated: every, all: every, repeated_rows: rows };
}

/**
 * @param row an answer with `PACKED_LISTS`
 * @param judged SQL of `judgedDevices`
 */
export function readListedDevices(row: Row, judged: string): ListedDevices {
  const repeated = { length: readNumber(row, 'repeated_devices'), bytes: packedBytes(row, 'repeated') };
  const changed = { length: readNumber(row, 'changed_devices'), bytes: packedBytes(row, 'changed') };
  return {
    repeated: listOf(repeated.length, repeated.bytes, `(SELECT device FROM ${judged} WHERE NOT is_each_once)`),
    all: listOf(
      repeated.length + changed.length,
      Buffer.concat([repeated.bytes, changed.bytes]),
      `(SELECT device FROM ${judged} WHERE is_other)`,
    ),
    repeated_rows: readNumber(row, 'repeated_rows'),
  };
}

function packedBytes(row: Row, list: string): Buffer {
  return Buffer.from(String(row[`${list}_packed`] ?? ''), 'base64');
}

/** @param bytes their numbers; they go into a statement's text as Base64 and nothing else */
function listOf(length: number, bytes: Buffer, found_again: string): DeviceList {
  if (length > LISTED_MAX) return { length, with_packed: '', condition: `device_key IN ${found_again}` };
  return { length, with_packed: `WITH '${bytes.toString('base64')}' AS devices_packed`, condition: `device_key IN ${UNPACKED}` };
}

/** No constant, which would be analysed as such: as many literals again. */
const UNPACKED = "(SELECT arrayJoin(reinterpret(base64Decode(materialize(devices_packed)), 'Array(UInt64)')))";

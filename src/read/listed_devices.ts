/**
 * The devices of a release that are looked at event by event, as one statement hands them to the next: those of which an event may have
 * come twice, and of the others those that changed, with the dimensions in which they did. A list travels as Base64 of its numbers, since
 * thousands of literals would be analysed one by one. Lists that are too long for a statement are found again where they are needed.
 */
import type { Row } from '../contract/query.ts';
import { readNumber } from './release_figures.ts';

/** A statement may have a megabyte. */
const LISTED_MAX = 60_000;

/** Columns of one row over `judgedDevices` (`release_devices.ts`): devices, and in the same order what is said of their changes. */
export const LISTS =
  'groupArrayIf(device, changes != 0) AS others, groupArrayIf(changes, changes != 0) AS changes_of_others, sumIf(row_count, NOT is_each_once) AS repeated_rows';

/** What the answer shall have of these. */
export const PACKED_LISTS = [
  'repeated_rows, length(others) AS other_devices',
  ...['others', 'changes_of_others'].map(
    (list) => `if(other_devices > ${LISTED_MAX}, '', base64Encode(reinterpret(${list}, 'String'))) AS ${list}_packed`,
  ),
].join(', ');

export class ListedDevices {
  readonly length: number;
  /** Of the devices of which an event may have come twice. */
  readonly repeated_rows: number;
  /** SQL, to stand before a SELECT that uses the table. */
  readonly with_packed: string;
  /** SQL, to stand in a FROM: rows with `device` and `changes`. */
  readonly table: string;

  /**
   * @param row an answer with `PACKED_LISTS`
   * @param judged SQL of `judgedDevices`
   */
  constructor(row: Row, judged: string) {
    this.length = readNumber(row, 'other_devices');
    this.repeated_rows = readNumber(row, 'repeated_rows');
    const is_packed = this.length <= LISTED_MAX;
    const lists = [packedText(row, 'others'), packedText(row, 'changes_of_others')];
    this.with_packed = is_packed ? `WITH '${lists[0]}' AS others_packed, '${lists[1]}' AS changes_packed` : '';
    this.table = is_packed ? UNPACKED : `(SELECT device, changes FROM ${judged} WHERE changes != 0)`;
  }
}

/** As Base64 and nothing else, since it goes into a statement's text. */
function packedText(row: Row, list: string): string {
  return Buffer.from(String(row[`${list}_packed`] ?? ''), 'base64').toString('base64');
}

/** No constants, which would be analysed as such: as many literals again. */
const UNPACKED = `(SELECT pair.1 AS device, pair.2 AS changes FROM (SELECT arrayJoin(arrayZip(
      ${unpacked('others_packed', 'UInt64')}, ${unpacked('changes_packed', 'UInt8')})) AS pair))`;

function unpacked(text: string, type: string): string {
  return `reinterpret(base64Decode(materialize(${text})), 'Array(${type})')`;
}

/**
 * When entries expire: one row for those of a commit that expire at the same time, so that they cost less than the entries themselves.
 * Keys are `<expires_at_ms, 15 digits>/<commit>`; a row may name entries that are gone or live longer.
 */
import type { Database } from 'lmdb';

/** Keys of entries, with line breaks between. */
export type ExpiryMap = Database<string, string>;

/** Behind every digit. */
const LAST_CHARACTER = '\u{10ffff}';
const TIME_DIGITS = 15;
const SEPARATOR = '\n';

interface Expiring {
  readonly key: string;
  readonly expires_at_ms: number;
}

export interface ExpiredRow {
  readonly row: string;
  readonly keys: readonly string[];
  /** Of the row's keys; they stay. */
  readonly rest: readonly string[];
}

/** Notes when the entries expire. Inside of a batch of LMDB's. @param commit no other commit has this name */
export function noteExpiries(map: ExpiryMap, expiring: readonly Expiring[], commit: string): void {
  const by_time = new Map<number, string[]>();
  for (const { key, expires_at_ms } of expiring) {
    const keys = by_time.get(expires_at_ms);
    if (keys === undefined) by_time.set(expires_at_ms, [key]);
    else keys.push(key);
  }
  for (const [expires_at_ms, keys] of by_time) void map.put(`${time(expires_at_ms)}/${commit}`, keys.join(SEPARATOR));
}

/** Rows with at most `limit` keys in all whose time has come. */
export function expiredRows(map: ExpiryMap, now_ms: number, limit: number): readonly ExpiredRow[] {
  const rows: ExpiredRow[] = [];
  let left = limit;
  for (const { key: row, value } of map.getRange({ end: `${time(now_ms)}/${LAST_CHARACTER}`, limit })) {
    const keys = value.split(SEPARATOR);
    rows.push({ row, keys: keys.slice(0, left), rest: keys.slice(left) });
    left -= keys.length;
    if (left <= 0) break;
  }
  return rows;
}

/** Inside of a batch of LMDB's. */
export function removeExpired(map: ExpiryMap, rows: readonly ExpiredRow[]): void {
  for (const { row, rest } of rows) {
    if (rest.length === 0) void map.remove(row);
    else void map.put(row, rest.join(SEPARATOR));
  }
}

function time(expires_at_ms: number): string {
  return String(Math.ceil(expires_at_ms)).padStart(TIME_DIGITS, '0');
}

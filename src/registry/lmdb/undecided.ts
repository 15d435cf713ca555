/**
 * The events that are neither confirmed nor released: in memory, where every look at an entry asks for them, and on the disk in the
 * company in which they came, one row for each commit. They are settled in company as well, so that to confirm many is mostly to remove
 * one row; a row of which some are settled is written anew.
 */
import type { Database } from 'lmdb';
import type { PendingEvent } from '../../contract/version_claims.ts';
import { byEventId, type StoredPending } from '../claim_book.ts';

/** event_id, table, keys. */
type EventValue = readonly [string, string, ...string[]];
export type UndecidedMap = Database<readonly EventValue[], number>;

type Company = ReadonlyMap<string, StoredPending>;

/** Rows to be written; undefined removes. */
export type UndecidedWrites = ReadonlyMap<number, Company | undefined>;

export class Undecided {
  private readonly rows = new Map<number, Company>();
  private readonly row_of = new Map<string, number>();
  private next_row = 1;

  /** Reads what stands in `map`. */
  static load(map: UndecidedMap): Undecided {
    const undecided = new Undecided();
    for (const { key, value } of map.getRange()) {
      undecided.put(key, new Map(value.map(([event_id, table, ...keys]) => [event_id, { table, keys }])));
    }
    return undecided;
  }

  get(event_id: string): StoredPending | undefined {
    const row = this.row_of.get(event_id);
    return row === undefined ? undefined : this.rows.get(row)?.get(event_id);
  }

  /** By id, those behind `after_event_id` first. */
  list(after_event_id: string, limit: number): readonly PendingEvent[] {
    const events: PendingEvent[] = [];
    for (const [event_id, row] of this.row_of) {
      const table = this.rows.get(row)?.get(event_id)?.table;
      if (event_id > after_event_id && table !== undefined) events.push({ event_id, table });
    }
    return events.sort(byEventId).slice(0, limit);
  }

  /** What the rows must become so that the events are as `changes` says; undefined there: settled. */
  plan(changes: ReadonlyMap<string, StoredPending | undefined>): UndecidedWrites {
    const writes = new Map<number, Map<string, StoredPending> | undefined>();
    const arrived = new Map<string, StoredPending>();
    for (const [event_id, pending] of changes) {
      const row = this.row_of.get(event_id);
      if (row !== undefined) {
        const rest = writes.get(row) ?? new Map(this.rows.get(row));
        rest.delete(event_id);
        writes.set(row, rest);
      }
      if (pending !== undefined) arrived.set(event_id, pending);
    }
    for (const [row, rest] of writes) if (rest?.size === 0) writes.set(row, undefined);
    if (arrived.size > 0) writes.set(this.next_row, arrived);
    return writes;
  }

  /** The writes are about to be made: what arrives counts as undecided from the moment in which its entries may be read. */
  expect(writes: UndecidedWrites): void {
    for (const [row, company] of writes) if (company !== undefined && !this.rows.has(row)) this.put(row, company);
  }

  /** The writes are on the disk. */
  apply(writes: UndecidedWrites): void {
    for (const [row, company] of writes) {
      for (const event_id of this.rows.get(row)?.keys() ?? []) if (this.row_of.get(event_id) === row) this.row_of.delete(event_id);
      this.rows.delete(row);
      if (company !== undefined) this.put(row, company);
    }
  }

  private put(row: number, company: Company): void {
    this.rows.set(row, company);
    for (const event_id of company.keys()) this.row_of.set(event_id, row);
    this.next_row = Math.max(this.next_row, row + 1);
  }
}

/** Inside of a batch of LMDB's. */
export function writeUndecided(map: UndecidedMap, writes: UndecidedWrites): void {
  for (const [row, company] of writes) {
    if (company === undefined) void map.remove(row);
    else
      void map.put(
        row,
        [...company].map(([event_id, { table, keys }]): EventValue => [event_id, table, ...keys]),
      );
  }
}

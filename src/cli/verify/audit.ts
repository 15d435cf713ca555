/**
 * Compares the ledger's records with what ClickHouse holds, segment by segment, while both go on.
 *
 * Memory is bounded by `SEGMENTS_PER_SLICE`: tables are taken by month, and large months in slices by the segments' ids. What disagrees is looked at once more,
 * in the order spool, records, ClickHouse: a segment that is not in the spool any more has its record, so one that was delivered between two looks is no
 * discrepancy.
 */
import { setTimeout } from 'node:timers/promises';
import type { CountedPart } from '../../clickhouse/segment_counts.ts';
import { sliceOf } from '../../clickhouse/segment_counts.ts';
import type { SegmentEntry } from '../../pipeline/spool/ledger/entry.ts';

export interface AuditPorts {
  readonly records: {
    since(): Promise<number | undefined>;
    entries(from_ms?: number): AsyncIterable<SegmentEntry>;
    spooled(): Promise<ReadonlySet<string>>;
  };
  readonly counts: {
    months(table: string): Promise<ReadonlyMap<number, number>>;
    rowsBySegment(part: CountedPart): Promise<ReadonlyMap<string, number>>;
  };
  /** Rows that were erased, by segment. */
  erased(table: string, slices: number, slice: number): Promise<ReadonlyMap<string, number>>;
  countRows(table: string, segment_id: string): Promise<number>;
}

export interface AuditOptions {
  readonly tables: readonly string[];
  readonly now_ms: number;
  /** Months that ClickHouse keeps rows; 0 is for ever. */
  readonly retention_months: number;
  /** Other daemons deliver to the same ClickHouse: segments that this book does not know are theirs. */
  readonly has_other_daemons: boolean;
  /** Between finding a disagreement and looking again. */
  readonly second_look_ms: number;
}

export interface Discrepancy {
  readonly kind: 'missing_rows' | 'surplus_rows' | 'unknown_segment';
  readonly table: string;
  readonly month: number;
  readonly segment: string;
  readonly rows_expected: number;
  readonly rows_found: number;
}

export interface AuditedMonth {
  readonly table: string;
  readonly month: number;
  readonly segments: number;
  readonly rows: number;
}

export interface AuditResult {
  readonly audited: readonly AuditedMonth[];
  readonly discrepancies: readonly Discrepancy[];
  /** Found, and too many to be looked at again and named. */
  readonly more_discrepancies: number;
  readonly foreign_segments: number;
  /** What was not compared, and why. */
  readonly left_out: readonly string[];
}

const SEGMENTS_PER_SLICE = 100_000;
const SLICES_MAX = 65_536;
const NAMED_MAX = 1_000;

export class Audit {
  private readonly audited: AuditedMonth[] = [];
  private readonly suspects: Discrepancy[] = [];
  private readonly left_out: string[] = [];
  private more_suspects = 0;
  private foreign_segments = 0;
  private since_ms = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly ports: AuditPorts,
    private readonly options: AuditOptions,
  ) {}

  async run(): Promise<AuditResult> {
    this.since_ms = (await this.ports.records.since()) ?? Number.NEGATIVE_INFINITY;
    const recorded = await this.countRecords();
    const tables = [...new Set([...this.options.tables, ...recorded.keys()])].sort();
    for (const table of tables) await this.auditTable(table, recorded.get(table) ?? new Map());
    const discrepancies = await this.lookAgain();
    const { audited, left_out, foreign_segments } = this;
    return { audited, discrepancies, more_discrepancies: this.more_suspects, foreign_segments, left_out };
  }

  /** Lines by table and month, to know how fine to slice. */
  private async countRecords(): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
    const by_table = new Map<string, Map<number, number>>();
    for await (const { table, month } of this.ports.records.entries()) {
      const months = by_table.get(table) ?? new Map<number, number>();
      by_table.set(table, months.set(month, (months.get(month) ?? 0) + 1));
    }
    return by_table;
  }

  private async auditTable(table: string, recorded: ReadonlyMap<number, number>): Promise<void> {
    const present = await this.ports.counts.months(table);
    const months = [...new Set([...recorded.keys(), ...present.keys()])].sort((left, right) => left - right);
    for (const month of months) {
      if (this.isExpired(month)) {
        this.left_out.push(`${table} ${month}: older than clickhouse.retention_months (${this.options.retention_months})`);
        continue;
      }
      if (month < monthOf(this.since_ms)) {
        this.left_out.push(`${table} ${month}: the records of its segments are older than 90 days and gone`);
        continue;
      }
      if (month === monthOf(this.since_ms)) {
        this.left_out.push(`${table} ${month}: segments without a record, since part of the records is older than 90 days and gone`);
      }
      const segments = Math.max(recorded.get(month) ?? 0, present.get(month) ?? 0);
      const slices = Math.min(SLICES_MAX, Math.max(1, Math.ceil(segments / SEGMENTS_PER_SLICE)));
      await this.auditMonth(table, month, slices);
    }
  }

  private async auditMonth(table: string, month: number, slices: number): Promise<void> {
    let segments = 0;
    let rows = 0;
    for (let slice = 0; slice < slices; slice++) {
      const part = { table, month, slices, slice };
      const found = await this.ports.counts.rowsBySegment(part);
      const erased = await this.ports.erased(table, slices, slice);
      const expected = await this.expectedRows(part, erased);
      for (const [segment, rows_found] of found) {
        segments++;
        rows += rows_found;
        this.compare({ table, month, segment }, expected.get(segment), rows_found);
        expected.delete(segment);
      }
      for (const [segment, rows_expected] of expected) this.compare({ table, month, segment }, rows_expected, 0);
    }
    this.audited.push({ table, month, segments, rows });
  }

  /** What each segment of the part should have in ClickHouse, by its last entry. */
  private async expectedRows(part: CountedPart, erased: ReadonlyMap<string, number>): Promise<Map<string, number>> {
    const expected = new Map<string, number>();
    for await (const entry of this.ports.records.entries(monthStartMs(part.month))) {
      const { segment_id, table, month } = entry;
      if (table !== part.table || month !== part.month || sliceOf(segment_id, part.slices) !== part.slice) continue;
      expected.set(segment_id, rowsDue(entry) - (entry.kind === 'delivered' ? (erased.get(segment_id) ?? 0) : 0));
    }
    return expected;
  }

  private compare(what: Pick<Discrepancy, 'table' | 'month' | 'segment'>, expected: number | undefined, rows_found: number): void {
    const discrepancy = judge(what, expected, rows_found);
    if (discrepancy === undefined) return;
    // Of a month whose records are gone in part, a segment without one is nothing to wonder at.
    if (discrepancy.kind === 'unknown_segment' && what.month === monthOf(this.since_ms)) return;
    if (discrepancy.kind === 'unknown_segment' && this.options.has_other_daemons) this.foreign_segments++;
    else if (this.suspects.length < NAMED_MAX) this.suspects.push(discrepancy);
    else this.more_suspects++;
  }

  private async lookAgain(): Promise<readonly Discrepancy[]> {
    if (this.suspects.length === 0) return [];
    await setTimeout(this.options.second_look_ms);
    const { records } = this.ports;
    const spooled = await records.spooled();
    const suspected = new Set(this.suspects.map(({ segment }) => segment));
    const last = new Map<string, SegmentEntry>();
    for await (const entry of records.entries()) if (suspected.has(entry.segment_id)) last.set(entry.segment_id, entry);
    const confirmed: Discrepancy[] = [];
    const erased_by_table = new Map<string, ReadonlyMap<string, number>>();
    for (const { table, month, segment } of this.suspects) {
      if (spooled.has(segment)) continue;
      const entry = last.get(segment);
      const erased = erased_by_table.get(table) ?? (await this.ports.erased(table, 1, 0));
      erased_by_table.set(table, erased);
      const expected = entry === undefined ? undefined : rowsDue(entry) - (entry.kind === 'delivered' ? (erased.get(segment) ?? 0) : 0);
      const discrepancy = judge({ table, month, segment }, expected, await this.ports.countRows(table, segment));
      if (discrepancy !== undefined) confirmed.push(discrepancy);
    }
    return confirmed;
  }

  private isExpired(month: number): boolean {
    const { now_ms, retention_months } = this.options;
    return retention_months > 0 && monthNumber(monthOf(now_ms)) - monthNumber(month) >= retention_months;
  }
}

/** A dead letter, a parent that was split and a replay that did not arrive have no rows in ClickHouse. */
function rowsDue(entry: SegmentEntry): number {
  return entry.kind === 'delivered' ? entry.rows : 0;
}

function judge(
  what: Pick<Discrepancy, 'table' | 'month' | 'segment'>,
  expected: number | undefined,
  rows_found: number,
): Discrepancy | undefined {
  if (expected === rows_found || (expected === undefined && rows_found === 0)) return undefined;
  if (expected === undefined) return { kind: 'unknown_segment', ...what, rows_expected: 0, rows_found };
  return { kind: rows_found < expected ? 'missing_rows' : 'surplus_rows', ...what, rows_expected: expected, rows_found };
}

/** yyyymm in UTC; 0 for -Infinity. */
function monthOf(time_ms: number): number {
  if (!Number.isFinite(time_ms)) return 0;
  const date = new Date(time_ms);
  return date.getUTCFullYear() * 100 + date.getUTCMonth() + 1;
}

function monthNumber(month: number): number {
  return Math.floor(month / 100) * 12 + (month % 100);
}

function monthStartMs(month: number): number {
  return Date.UTC(Math.floor(month / 100), (month % 100) - 1, 1);
}

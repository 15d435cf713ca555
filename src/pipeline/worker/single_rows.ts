/**
 * The rows of one table that a slab's requests become, where each request brings one event: written value by value, gathered column by
 * column, and in the end one block. The kernel's columns would cost a call each; these are JavaScript's own, and what a decoder writes
 * of a row counts only once the row ends. Layout: `contract/block.ts`.
 *
 * Memory is kept from slab to slab, boundedly.
 */
import { assert } from '../../base/assert.ts';
import { type BlockAccounts, encodeBlockHeader } from '../../contract/block.ts';
import type { NumberWriter, SingleRowWriter, SingleTextWriter, TimeWriter, UuidWriter } from '../../contract/source.ts';
import type { Table } from '../../contract/table.ts';
import { type AnyRowsColumn, DictionaryRows, NumberRows, rowsColumnOf, StringRows, TimeRows, UuidRows } from './single_columns.ts';

/** A block whose columns are complete, until the next `begin`. */
export interface GatheredBlock {
  readonly bytes: number;
  copyTo(output: Buffer, at: number): void;
}

export class SingleRows implements SingleRowWriter {
  readonly table: string;
  /** Complete rows. */
  count = 0;
  private readonly columns: readonly AnyRowsColumn[];
  private readonly by_name: ReadonlyMap<string, AnyRowsColumn>;
  private oldest_received_at_ms = Number.POSITIVE_INFINITY;
  private received_at_ms = 0;
  private is_complete = false;

  /** @param source whose event each row is: one that was received and accepted */
  constructor(
    table: Table,
    private readonly source: string,
  ) {
    this.table = table.name;
    this.columns = table.columns.map(rowsColumnOf);
    this.by_name = new Map(this.columns.map((column) => [column.name, column]));
  }

  text(column: string): SingleTextWriter {
    const found = this.by_name.get(column);
    assert(found instanceof StringRows || found instanceof DictionaryRows, `BUG: ${this.table}.${column} is no column of texts`);
    return found;
  }

  time(column: string): TimeWriter {
    const found = this.by_name.get(column);
    assert(found instanceof TimeRows, `BUG: ${this.table}.${column} is no column of times`);
    return found;
  }

  uuid(column: string): UuidWriter {
    const found = this.by_name.get(column);
    assert(found instanceof UuidRows, `BUG: ${this.table}.${column} is no column of UUIDs`);
    return found;
  }

  number(column: string): NumberWriter {
    const found = this.by_name.get(column);
    assert(found instanceof NumberRows, `BUG: ${this.table}.${column} is no column of numbers`);
    return found;
  }

  /** Ends the row in hand; it is kept by `keep`, or given up by `discard`. */
  end(received_at_ms: number): void {
    // A message is only made where there is something to say: this is once for each value.
    for (const { is_set, name } of this.columns) if (!is_set) assert(false, `BUG: ${this.table}.${name} was not written`);
    this.received_at_ms = received_at_ms;
    this.is_complete = true;
  }

  isComplete(): boolean {
    return this.is_complete;
  }

  /** Adds the complete row to the block, and returns its position there. */
  keep(): number {
    for (const column of this.columns) column.keep();
    this.is_complete = false;
    if (this.received_at_ms < this.oldest_received_at_ms) this.oldest_received_at_ms = this.received_at_ms;
    return this.count++;
  }

  /** Forgets what was written of a row that is not wanted. */
  discard(): void {
    this.is_complete = false;
    for (const column of this.columns) column.discard();
  }

  /** Begins the next slab. */
  begin(): void {
    this.count = 0;
    this.oldest_received_at_ms = Number.POSITIVE_INFINITY;
    this.is_complete = false;
    for (const column of this.columns) column.begin();
  }

  /** The block of all rows that were kept: at least one. */
  finish(): GatheredBlock {
    const { count: rows, source, columns } = this;
    assert(rows > 0, 'BUG: a block without a row');
    const accounts: BlockAccounts = { source, received: rows, accepted: rows, rejected: {} };
    const layouts = columns.map((column) => column.layout());
    const header = encodeBlockHeader({ rows, received_at_ms: this.oldest_received_at_ms, accounts, columns: layouts });
    const bytes = layouts.reduce((sum, { data_bytes }) => sum + data_bytes, header.length);
    const copy_to = (output: Buffer, at: number): void => {
      output.set(header, at);
      let offset = at + header.length;
      for (const column of columns) offset = column.copyTo(output, offset);
    };
    return { bytes, copyTo: copy_to };
  }
}

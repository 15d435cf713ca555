/**
 * Builds the block of one table from the rows of one slab. Owner of the column writers, which are reused from slab to slab.
 */
import { assert, unreachable } from '../../base/assert.ts';
import { type BlockAccounts, encodeBlockHeader } from '../../contract/block.ts';
import type { RowWriter, TextWriter, TimeWriter, UuidWriter } from '../../contract/source.ts';
import type { Column, Table } from '../../contract/table.ts';
import { type ColumnWriter, DictionaryColumn, TextColumn, TimeColumn, UuidColumn } from './columns.ts';

/** A column of some kind that has a writer of its own, with the view of it that a source sees. */
type Writer = (ColumnWriter & TextWriter) | (ColumnWriter & TimeWriter) | (ColumnWriter & UuidWriter);

function createWriter(column: Column): Writer {
  switch (column.kind) {
    case 'string':
    case 'json':
      return new TextColumn();
    case 'dictionary':
      return new DictionaryColumn();
    case 'datetime64':
      return new TimeColumn();
    case 'uuid':
      return new UuidColumn();
    default:
      return unreachable(column.kind);
  }
}

export class BlockBuilder implements RowWriter {
  readonly table: string;
  private readonly writers: ReadonlyMap<string, Writer>;
  private rows = 0;
  private oldest_received_at_ms = Number.POSITIVE_INFINITY;

  constructor(table: Table) {
    this.table = table.name;
    this.writers = new Map(table.columns.map((column) => [column.name, createWriter(column)]));
  }

  text(column: string): TextWriter {
    const writer = this.writers.get(column);
    assert(writer instanceof TextColumn || writer instanceof DictionaryColumn, `BUG: ${this.table}.${column} is no text column`);
    return writer;
  }

  time(column: string): TimeWriter {
    const writer = this.writers.get(column);
    assert(writer instanceof TimeColumn, `BUG: ${this.table}.${column} is no time column`);
    return writer;
  }

  uuid(column: string): UuidWriter {
    const writer = this.writers.get(column);
    assert(writer instanceof UuidColumn, `BUG: ${this.table}.${column} is no UUID column`);
    return writer;
  }

  end(received_at_ms: number): void {
    this.rows++;
    if (received_at_ms < this.oldest_received_at_ms) this.oldest_received_at_ms = received_at_ms;
  }

  rowCount(): number {
    return this.rows;
  }

  /** Ends the block: its header, and a function that writes header and data at an offset. Then `reset`. */
  finish(accounts: BlockAccounts): { bytes: number; copyTo: (output: Uint8Array, at: number) => void } {
    const columns = [...this.writers.values()].map((writer) => writer.describe());
    const header = encodeBlockHeader({ rows: this.rows, received_at_ms: this.oldest_received_at_ms, accounts, columns });
    const bytes = columns.reduce((sum, column) => sum + column.data_bytes, header.length);
    const copy_to = (output: Uint8Array, at: number): void => {
      output.set(header, at);
      let next = at + header.length;
      for (const writer of this.writers.values()) next = writer.copyTo(output, next);
      assert(next === at + bytes, `BUG: a block of ${this.table} is not as long as its header says`);
    };
    return { bytes, copyTo: copy_to };
  }

  reset(): void {
    for (const writer of this.writers.values()) writer.reset();
    this.rows = 0;
    this.oldest_received_at_ms = Number.POSITIVE_INFINITY;
  }
}

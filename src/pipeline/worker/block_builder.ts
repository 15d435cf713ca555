/**
 * Builds the block of one table from the rows of one slab. The data is in the kernel's
 * columns, which both the kernel and the decoders fill.
 */
import { assert, unreachable } from '../../base/assert.ts';
import { type BlockAccounts, encodeBlockHeader } from '../../contract/block.ts';
import type { RowWriter, TextWriter, TimeWriter, UuidWriter } from '../../contract/source.ts';
import type { Column, Table } from '../../contract/table.ts';
import type { ColumnStore } from '../../kernel/column_store.ts';
import { TextColumn, TimeColumn, UuidColumn } from './columns.ts';

type Writer = TextColumn | TimeColumn | UuidColumn;

function createWriter(column: Column, store: ColumnStore): Writer {
  const { kind } = column;
  assert(kind !== 'uint8', `BUG: ${column.name} is of a kind that the kernel does not know`);
  switch (kind) {
    case 'string':
    case 'json':
      return new TextColumn(store, store.create('text'));
    case 'dictionary':
      return new TextColumn(store, store.create('dictionary'));
    case 'datetime64':
      return new TimeColumn(store, store.create('fixed'));
    case 'uuid':
      return new UuidColumn(store, store.create('fixed'));
    default:
      return unreachable(kind);
  }
}

/** A block whose columns are complete, and may be copied out until the next slab is loaded. */
export interface FinishedBlock {
  readonly bytes: number;
  copyTo(output: Buffer, at: number): void;
}

export class BlockBuilder implements RowWriter {
  readonly table: string;
  /** The kernel's number of the first column; those of the others follow. */
  readonly first_column: number;
  private readonly columns: readonly Column[];
  private readonly writers: ReadonlyMap<string, Writer>;
  private rows = 0;
  private oldest_received_at_ms = Number.POSITIVE_INFINITY;
  private before_request = { rows: 0, oldest_received_at_ms: Number.POSITIVE_INFINITY };

  constructor(
    table: Table,
    private readonly store: ColumnStore,
  ) {
    this.table = table.name;
    this.columns = table.columns;
    this.first_column = store.count();
    this.writers = new Map(table.columns.map((column) => [column.name, createWriter(column, store)]));
  }

  /** The kernel's number of a dictionary column. */
  dictionary(column: string): number {
    const position = this.columns.findIndex(({ name }) => name === column);
    assert(this.columns[position]?.kind === 'dictionary', `BUG: ${this.table}.${column} is no dictionary column`);
    return this.first_column + position;
  }

  text(column: string): TextWriter {
    const writer = this.writers.get(column);
    assert(writer instanceof TextColumn, `BUG: ${this.table}.${column} is no text column`);
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
    this.add(1, received_at_ms);
  }

  /** Counts rows whose columns were written by the kernel. */
  add(rows: number, received_at_ms: number): void {
    if (rows === 0) return;
    this.rows += rows;
    if (received_at_ms < this.oldest_received_at_ms) this.oldest_received_at_ms = received_at_ms;
  }

  rowCount(): number {
    return this.rows;
  }

  beginRequest(): void {
    this.before_request = { rows: this.rows, oldest_received_at_ms: this.oldest_received_at_ms };
  }

  /** Forgets the rows of the request in hand, whose columns the kernel takes back. */
  rollBack(): void {
    this.rows = this.before_request.rows;
    this.oldest_received_at_ms = this.before_request.oldest_received_at_ms;
  }

  /** Ends the block: its header, and its data from the kernel; undefined when there is no memory. Then `reset`. */
  finish(accounts: BlockAccounts): FinishedBlock | undefined {
    const data = this.store.finish(this.first_column, this.writers.size);
    if (data === undefined) return undefined;
    const { rows, oldest_received_at_ms } = this;
    const header = encodeBlockHeader({ rows, received_at_ms: oldest_received_at_ms, accounts, columns: data.columns });
    return {
      bytes: header.length + data.bytes,
      copyTo: (output, at) => {
        output.set(header, at);
        data.copyTo(output, at + header.length);
      },
    };
  }

  /** Begins anew with the slab that the kernel has just loaded. */
  reset(): void {
    this.rows = 0;
    this.oldest_received_at_ms = Number.POSITIVE_INFINITY;
  }
}

/**
 * The block of one row: what a request with one event becomes. With one row there is nothing to gain from the kernel's columns, so
 * that the values are kept as they come and written once, when their lengths are known. All that two blocks of a table have in common
 * is made once; what differs is patched into a copy of it. Layout: `contract/block.ts`.
 */
import { assert } from '../../base/assert.ts';
import { varuintBytes, writeVaruint } from '../../base/varint.ts';
import { BLOCK_COLUMN_BYTES, BLOCK_PREFIX_BYTES, BLOCK_RECEIVED_AT, type BlockColumn, encodeBlockHeader } from '../../contract/block.ts';
import type { NumberWriter, SingleRowWriter, TextWriter, TimeWriter, UuidWriter } from '../../contract/source.ts';
import type { Column, Table } from '../../contract/table.ts';

const TIME_BYTES = 8;
const UUID_WORDS = 4;
/** Position of the only row's text in a dictionary of one. */
const INDEX_BYTES = 1;
/** Where an entry of the header's table of columns says how long the dictionary is. */
const DICTIONARY_BYTES_AT = 8;

/** One value; `append` is called once between two rows. */
abstract class Cell {
  is_set = false;
  /** What the value takes in a block. */
  data_bytes = 0;

  constructor(readonly column: Column) {}

  /** Of a block in which the value is empty: what does not change from row to row. */
  abstract layout(): BlockColumn;

  /** Writes the value and patches the column's entry in the header, at `entry`. */
  abstract writeTo(target: Buffer, offset: number, entry: number): void;

  protected set(): void {
    assert(!this.is_set, `BUG: ${this.column.name} was written twice in one row`);
    this.is_set = true;
  }
}

class TextCell extends Cell implements TextWriter {
  private text = '';
  private text_bytes = 0;
  private readonly is_dictionary: boolean;

  constructor(column: Column) {
    super(column);
    this.is_dictionary = column.kind === 'dictionary';
  }

  append(text: string): void {
    this.set();
    this.text = text;
    this.text_bytes = Buffer.byteLength(text);
    this.data_bytes = varuintBytes(this.text_bytes) + this.text_bytes + (this.is_dictionary ? INDEX_BYTES : 0);
  }

  layout(): BlockColumn {
    const [dictionary_entries, index_width_bytes] = this.is_dictionary ? [1, INDEX_BYTES] : [0, 0];
    return { data_bytes: 0, dictionary_entries, dictionary_bytes: 0, index_width_bytes };
  }

  writeTo(target: Buffer, offset: number, entry: number): void {
    target.writeUInt32LE(this.data_bytes, entry);
    const start = writeVaruint(target, offset, this.text_bytes);
    target.write(this.text, start, this.text_bytes);
    if (!this.is_dictionary) return;
    target.writeUInt32LE(this.data_bytes - INDEX_BYTES, entry + DICTIONARY_BYTES_AT);
    target[start + this.text_bytes] = 0;
  }
}

class TimeCell extends Cell implements TimeWriter {
  private time_ms = 0;
  override data_bytes = TIME_BYTES;

  append(time_ms: number): void {
    this.set();
    this.time_ms = time_ms;
  }

  layout(): BlockColumn {
    return { data_bytes: TIME_BYTES, dictionary_entries: 0, dictionary_bytes: 0, index_width_bytes: 0 };
  }

  writeTo(target: Buffer, offset: number): void {
    target.writeBigInt64LE(BigInt(this.time_ms), offset);
  }
}

class UuidCell extends Cell implements UuidWriter {
  private readonly words = new Uint32Array(UUID_WORDS);
  override data_bytes = UUID_WORDS * 4;

  append(words: Uint32Array): void {
    this.set();
    this.words.set(words);
  }

  layout(): BlockColumn {
    return { data_bytes: this.data_bytes, dictionary_entries: 0, dictionary_bytes: 0, index_width_bytes: 0 };
  }

  writeTo(target: Buffer, offset: number): void {
    for (let index = 0; index < UUID_WORDS; index++) target.writeUInt32LE(this.words[index], offset + index * 4);
  }
}

class NumberCell extends Cell implements NumberWriter {
  private value = 0;
  override data_bytes = 1;

  append(value: number): void {
    this.set();
    this.value = value;
  }

  layout(): BlockColumn {
    return { data_bytes: this.data_bytes, dictionary_entries: 0, dictionary_bytes: 0, index_width_bytes: 0 };
  }

  writeTo(target: Buffer, offset: number): void {
    target.writeUInt8(this.value, offset);
  }
}

type AnyCell = TextCell | TimeCell | UuidCell | NumberCell;

function cellOf(column: Column): AnyCell {
  switch (column.kind) {
    case 'datetime64':
      return new TimeCell(column);
    case 'uuid':
      return new UuidCell(column);
    case 'uint8':
      return new NumberCell(column);
    case 'string':
    case 'json':
    case 'dictionary':
      return new TextCell(column);
  }
}

export class SingleRow implements SingleRowWriter {
  readonly table: string;
  private readonly cells: readonly AnyCell[];
  private readonly by_name: ReadonlyMap<string, Cell>;
  private readonly header: Uint8Array;
  private received_at_ms = 0;
  private is_complete = false;

  /** @param source whose event each row is: one that was received and accepted */
  constructor(table: Table, source: string) {
    this.table = table.name;
    this.cells = table.columns.map(cellOf);
    this.by_name = new Map(this.cells.map((cell) => [cell.column.name, cell]));
    const accounts = { source, received: 1, accepted: 1, rejected: {} };
    this.header = encodeBlockHeader({ rows: 1, received_at_ms: 0, accounts, columns: this.cells.map((cell) => cell.layout()) });
  }

  text(column: string): TextWriter {
    const cell = this.by_name.get(column);
    assert(cell instanceof TextCell, `BUG: ${this.table}.${column} is no column of texts`);
    return cell;
  }

  time(column: string): TimeWriter {
    const cell = this.by_name.get(column);
    assert(cell instanceof TimeCell, `BUG: ${this.table}.${column} is no column of times`);
    return cell;
  }

  uuid(column: string): UuidWriter {
    const cell = this.by_name.get(column);
    assert(cell instanceof UuidCell, `BUG: ${this.table}.${column} is no column of UUIDs`);
    return cell;
  }

  number(column: string): NumberWriter {
    const cell = this.by_name.get(column);
    assert(cell instanceof NumberCell, `BUG: ${this.table}.${column} is no column of numbers`);
    return cell;
  }

  end(received_at_ms: number): void {
    for (const { is_set, column } of this.cells) assert(is_set, `BUG: ${this.table}.${column.name} was not written`);
    this.received_at_ms = received_at_ms;
    this.is_complete = true;
  }

  isComplete(): boolean {
    return this.is_complete;
  }

  /** How long the block of the complete row is. */
  blockBytes(): number {
    let bytes = this.header.length;
    for (const cell of this.cells) bytes += cell.data_bytes;
    return bytes;
  }

  /** Writes the block of the complete row at `start`, where there is room for `blockBytes`. */
  writeTo(target: Buffer, start: number): void {
    target.set(this.header, start);
    target.writeDoubleLE(this.received_at_ms, start + BLOCK_RECEIVED_AT);
    let entry = start + BLOCK_PREFIX_BYTES;
    let offset = start + this.header.length;
    for (const cell of this.cells) {
      cell.writeTo(target, offset, entry);
      offset += cell.data_bytes;
      entry += BLOCK_COLUMN_BYTES;
    }
  }

  /** Begins anew; what was written of a row that is not wanted is forgotten. */
  reset(): void {
    this.is_complete = false;
    for (const cell of this.cells) cell.is_set = false;
  }
}

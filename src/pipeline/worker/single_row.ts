/**
 * The block of one row: what a request with one event becomes. With one row there is nothing to gain from the kernel's columns, so
 * that the values are kept as they come and written once, when their lengths are known. Layout: `contract/block.ts`.
 */
import { assert, unreachable } from '../../base/assert.ts';
import { varuintBytes, writeVaruint } from '../../base/varint.ts';
import { type BlockAccounts, type BlockColumn, encodeBlockHeader } from '../../contract/block.ts';
import type { RowWriter, TextWriter, TimeWriter, UuidWriter } from '../../contract/source.ts';
import type { Column, Table } from '../../contract/table.ts';

const FIXED_BYTES = { datetime64: 8, uuid: 16 } as const;
/** Position of the only row's text in a dictionary of one. */
const INDEX_BYTES = 1;

/** One value; `set` is called once between two rows. */
class Cell implements TextWriter, TimeWriter, UuidWriter {
  private text = '';
  private text_bytes = 0;
  private time_ms = 0;
  private readonly words = new Uint32Array(4);
  is_set = false;

  constructor(readonly column: Column) {}

  append(value: string | number | Uint32Array): void {
    assert(!this.is_set, `BUG: ${this.column.name} was written twice in one row`);
    this.is_set = true;
    if (typeof value === 'string') {
      this.text = value;
      this.text_bytes = Buffer.byteLength(value);
    } else if (typeof value === 'number') {
      this.time_ms = value;
    } else {
      this.words.set(value);
    }
  }

  /** How the value stands in a block. */
  layout(): BlockColumn {
    const { kind } = this.column;
    const fixed = { dictionary_entries: 0, dictionary_bytes: 0, index_width_bytes: 0 };
    if (kind === 'datetime64' || kind === 'uuid') return { ...fixed, data_bytes: FIXED_BYTES[kind] };
    const data_bytes = varuintBytes(this.text_bytes) + this.text_bytes;
    if (kind !== 'dictionary') return { ...fixed, data_bytes };
    return { data_bytes: data_bytes + INDEX_BYTES, dictionary_entries: 1, dictionary_bytes: data_bytes, index_width_bytes: INDEX_BYTES };
  }

  /** Writes the value and returns the offset behind it. */
  writeTo(target: Buffer, offset: number): number {
    const { kind } = this.column;
    switch (kind) {
      case 'datetime64':
        target.writeBigInt64LE(BigInt(this.time_ms), offset);
        return offset + FIXED_BYTES.datetime64;
      case 'uuid':
        for (const [index, word] of this.words.entries()) target.writeUInt32LE(word, offset + index * 4);
        return offset + FIXED_BYTES.uuid;
      case 'string':
      case 'json':
        return this.writeText(target, offset);
      case 'dictionary': {
        const end = this.writeText(target, offset);
        target[end] = 0;
        return end + INDEX_BYTES;
      }
      default:
        return unreachable(kind);
    }
  }

  private writeText(target: Buffer, offset: number): number {
    const start = writeVaruint(target, offset, this.text_bytes);
    return start + target.write(this.text, start, 'utf8');
  }
}

export class SingleRow implements RowWriter {
  readonly table: string;
  private readonly cells: ReadonlyMap<string, Cell>;
  private received_at_ms = 0;
  private is_complete = false;

  constructor(table: Table) {
    this.table = table.name;
    this.cells = new Map(table.columns.map((column) => [column.name, new Cell(column)]));
  }

  text(column: string): TextWriter {
    return this.cell(column, ['string', 'json', 'dictionary']);
  }

  time(column: string): TimeWriter {
    return this.cell(column, ['datetime64']);
  }

  uuid(column: string): UuidWriter {
    return this.cell(column, ['uuid']);
  }

  end(received_at_ms: number): void {
    for (const { is_set, column } of this.cells.values()) assert(is_set, `BUG: ${this.table}.${column.name} was not written`);
    this.received_at_ms = received_at_ms;
    this.is_complete = true;
  }

  isComplete(): boolean {
    return this.is_complete;
  }

  /** The block of the complete row. */
  encode(accounts: BlockAccounts): Buffer {
    const cells = [...this.cells.values()];
    const columns = cells.map((cell) => cell.layout());
    const header = encodeBlockHeader({ rows: 1, received_at_ms: this.received_at_ms, accounts, columns });
    const bytes = columns.reduce((sum, { data_bytes }) => sum + data_bytes, header.length);
    const block = Buffer.allocUnsafe(bytes);
    block.set(header);
    const end = cells.reduce((offset, cell) => cell.writeTo(block, offset), header.length);
    assert(end === bytes, 'BUG: the row is not as long as its layout says');
    return block;
  }

  /** Begins anew; what was written of a row that is not wanted is forgotten. */
  reset(): void {
    if (!this.is_complete && ![...this.cells.values()].some(({ is_set }) => is_set)) return;
    this.is_complete = false;
    for (const cell of this.cells.values()) cell.is_set = false;
  }

  private cell(name: string, kinds: readonly Column['kind'][]): Cell {
    const cell = this.cells.get(name);
    assert(cell !== undefined && kinds.includes(cell.column.kind), `BUG: ${this.table}.${name} is no ${kinds.join(' or ')} column`);
    return cell;
  }
}

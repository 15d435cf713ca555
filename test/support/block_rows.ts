/** Reads a block back into rows: independent of the writers, from the layout that `contract/block.ts` documents. */
import { decodeBlockHeader } from '../../src/contract/block.ts';
import type { SlabResult } from '../../src/contract/slab.ts';
import type { Column, Table } from '../../src/contract/table.ts';

export type Row = Record<string, string | number>;

class Cursor {
  at = 0;
  constructor(readonly bytes: Buffer) {}

  text(): string {
    let length = 0;
    let shift = 0;
    for (let byte = 128; byte >= 128; shift += 7) {
      byte = this.bytes.readUInt8(this.at++);
      length += (byte & 127) * 2 ** shift;
    }
    this.at += length;
    return this.bytes.toString('utf8', this.at - length, this.at);
  }
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.readBigUInt64LE(0).toString(16).padStart(16, '0') + bytes.readBigUInt64LE(8).toString(16).padStart(16, '0');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function columnValues(column: Column, data: Buffer, rows: number, entries: number, width: number): (string | number)[] {
  const cursor = new Cursor(data);
  const each = <Value>(count: number, read: (index: number) => Value): Value[] => Array.from({ length: count }, (_, index) => read(index));
  switch (column.kind) {
    case 'string':
    case 'json':
      return each(rows, () => cursor.text());
    case 'dictionary': {
      const dictionary = each(entries, () => cursor.text());
      return each(rows, (row) => dictionary[data.readUIntLE(cursor.at + row * width, width)] ?? `no entry for row ${row}`);
    }
    case 'datetime64':
      return each(rows, (row) => Number(data.readBigInt64LE(row * 8)));
    case 'uint8':
      return each(rows, (row) => data.readUInt8(row));
    case 'uuid':
      return each(rows, (row) => uuidText(data.subarray(row * 16, row * 16 + 16)));
  }
}

/** The rows of a result's block for `table`; none when it has no such block. */
export function blockRows(table: Table, result: SlabResult): Row[] {
  const block = result.blocks.find((candidate) => candidate.table === table.name);
  if (block === undefined) return [];
  const bytes = Buffer.from(result.output, block.offset, block.bytes);
  const header = decodeBlockHeader(bytes);
  let at = header.header_bytes;
  const columns = table.columns.map((column, index) => {
    const { data_bytes, dictionary_entries, index_width_bytes } = header.columns[index];
    const data = bytes.subarray(at, at + data_bytes);
    at += data_bytes;
    return columnValues(column, data, header.rows, dictionary_entries, index_width_bytes);
  });
  if (at !== bytes.length) throw new Error(`the block has ${bytes.length - at} bytes behind its last column`);
  return Array.from({ length: header.rows }, (_, row) =>
    Object.fromEntries(table.columns.map((column, index) => [column.name, columns[index][row]])),
  );
}

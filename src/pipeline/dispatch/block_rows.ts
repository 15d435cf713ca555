/**
 * Some rows of a block as a block of their own: what is left to store of a slab when the gate holds back or refuses others. It goes over
 * rows, which nothing else between a worker and ClickHouse does, and so only where requests have a verdict of their own.
 */
import { readVaruint } from '../../base/varint.ts';
import { type BlockAccounts, type BlockColumn, decodeBlockHeader, encodeBlockHeader } from '../../contract/block.ts';
import type { Column, ColumnKind } from '../../contract/table.ts';

interface TakenColumn {
  readonly layout: BlockColumn;
  readonly parts: readonly Uint8Array[];
}

/**
 * @param block of which every event has one row
 * @param columns of its table
 * @param rows positions of the rows to take, at least one, in the order in which they are to stand
 */
export function takeRows(block: Uint8Array, columns: readonly Column[], rows: readonly number[]): Uint8Array {
  const header = decodeBlockHeader(block);
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  let at = header.header_bytes;
  const taken = columns.map(({ kind }, index) => {
    const layout = header.columns[index];
    const data = bytes.subarray(at, at + layout.data_bytes);
    at += layout.data_bytes;
    return takeColumn(kind, data, layout, { rows, rows_before: header.rows });
  });
  const accounts: BlockAccounts = { source: header.accounts.source, received: rows.length, accepted: rows.length, rejected: {} };
  const { received_at_ms } = header;
  const head = encodeBlockHeader({ rows: rows.length, received_at_ms, accounts, columns: taken.map(({ layout }) => layout) });
  return Buffer.concat([head, ...taken.flatMap(({ parts }) => parts)]);
}

interface Selection {
  readonly rows: readonly number[];
  readonly rows_before: number;
}

function takeColumn(kind: ColumnKind, data: Buffer, layout: BlockColumn, selection: Selection): TakenColumn {
  switch (kind) {
    case 'string':
    case 'json':
      return takeTexts(data, selection);
    case 'dictionary':
      return takeDictionary(data, layout, selection);
    case 'datetime64':
      return takeFixed(data, 8, selection.rows);
    case 'uuid':
      return takeFixed(data, 16, selection.rows);
    case 'uint8':
      return takeFixed(data, 1, selection.rows);
  }
}

function takeFixed(data: Buffer, width_bytes: number, rows: readonly number[]): TakenColumn {
  const parts = rows.map((row) => data.subarray(row * width_bytes, (row + 1) * width_bytes));
  return { layout: plainLayout(parts), parts };
}

function takeTexts(data: Buffer, { rows, rows_before }: Selection): TakenColumn {
  const starts = textStarts(data, rows_before);
  const parts = rows.map((row) => data.subarray(starts[row], starts[row + 1]));
  return { layout: plainLayout(parts), parts };
}

/** With the entries that the rows have, and no others: what was not admitted leaves nothing behind. */
function takeDictionary(
  data: Buffer,
  { dictionary_entries, dictionary_bytes, index_width_bytes }: BlockColumn,
  { rows }: Selection,
): TakenColumn {
  const starts = textStarts(data, dictionary_entries);
  const new_indexes = new Map<number, number>();
  const entries: Uint8Array[] = [];
  // Fewer entries may do with a narrower index; the old width is as good.
  const indexes = Buffer.alloc(rows.length * index_width_bytes);
  for (const [position, row] of rows.entries()) {
    const index = data.readUIntLE(dictionary_bytes + row * index_width_bytes, index_width_bytes);
    let new_index = new_indexes.get(index);
    if (new_index === undefined) {
      new_index = entries.length;
      new_indexes.set(index, new_index);
      entries.push(data.subarray(starts[index], starts[index + 1]));
    }
    indexes.writeUIntLE(new_index, position * index_width_bytes, index_width_bytes);
  }
  const taken_bytes = entries.reduce((sum, { length }) => sum + length, 0);
  const layout = {
    data_bytes: taken_bytes + indexes.length,
    dictionary_entries: entries.length,
    dictionary_bytes: taken_bytes,
    index_width_bytes,
  };
  return { layout, parts: [...entries, indexes] };
}

function plainLayout(parts: readonly Uint8Array[]): BlockColumn {
  const data_bytes = parts.reduce((sum, { length }) => sum + length, 0);
  return { data_bytes, dictionary_entries: 0, dictionary_bytes: 0, index_width_bytes: 0 };
}

/** Where each of `count` texts begins, its length before it, and where the last one ends. */
function textStarts(data: Buffer, count: number): readonly number[] {
  const starts = [0];
  for (let text = 0; text < count; text++) {
    const length = readVaruint(data, starts[text]);
    starts.push(length.next_offset + length.value);
  }
  return starts;
}

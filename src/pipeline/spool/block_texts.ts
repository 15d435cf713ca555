/** Reads a column of texts out of a block, for the few who look at rows: its layout is `contract/block.ts`'s. */
import { readVaruint } from '../../base/varint.ts';
import type { RecordTable } from './record_table.ts';

/**
 * The text of each row, in order.
 *
 * @param data of the column at position `column` of the block that `record` is
 */
export function readTexts(data: Buffer, records: RecordTable, record: number, column: number): readonly string[] {
  const rows = records.rowsOf(record);
  const width_bytes = records.indexWidthBytes(record, column);
  if (width_bytes === 0) return textsFrom(data, rows);
  const entries = textsFrom(data, records.dictionaryEntries(record, column));
  const indexes_at = records.dictionaryBytes(record, column);
  return Array.from({ length: rows }, (_, row) => entries[data.readUIntLE(indexes_at + row * width_bytes, width_bytes)]);
}

function textsFrom(data: Buffer, count: number): readonly string[] {
  const texts: string[] = [];
  let at = 0;
  while (texts.length < count) {
    const { value: length, next_offset } = readVaruint(data, at);
    at = next_offset + length;
    texts.push(data.toString('utf8', next_offset, at));
  }
  return texts;
}

/** The records of an open segment's file, for who only reads it. What is damaged is passed over. */
import type { FileHandle } from '../../contract/ports.ts';
import { recordSeed } from './record.ts';
import { scanRecords } from './record_scan.ts';
import type { RecordTable } from './record_table.ts';
import { readSegmentHead } from './segment_header.ts';
import { WindowReader } from './window_reader.ts';

export interface OpenRecords {
  readonly reader: WindowReader;
  readonly records: RecordTable;
  /** Positions of the columns that were asked for. */
  readonly columns: readonly number[];
  /** That were taken for it. */
  readonly tokens: number;
}

/**
 * Of a file that was sent from memory, just the records that were sent.
 *
 * @param names columns that are asked for
 * @returns undefined when the file has no sound header, is of another segment than `id`, or has not all of the columns
 */
export async function readOpenRecords(file: FileHandle, id: string, names: readonly string[] = []): Promise<OpenRecords | undefined> {
  const head = await readSegmentHead(file, id);
  if (head === undefined) return undefined;
  const { header, mark } = head;
  const columns = names.map((name) => header.columns.findIndex((column) => column.name === name));
  if (columns.includes(-1)) return undefined;
  const reader = new WindowReader(file, mark?.content?.end_bytes ?? (await file.size()));
  const { records } = await scanRecords(reader, header.columns.length, recordSeed(id));
  return { reader, records, columns, tokens: mark === undefined ? 0 : 1 };
}

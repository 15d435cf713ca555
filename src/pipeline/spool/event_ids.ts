/** Reads which events are in a segment's file, open or sealed, and of an open one texts of its rows. What is damaged in an open file is passed over. */
import { uuidText } from '../../base/uuid.ts';
import type { FileHandle } from '../../contract/ports.ts';
import { readTexts } from './block_texts.ts';
import { NativeCursor } from './native_cursor.ts';
import { uuidBytes } from './native_heads.ts';
import { readOpenRecords } from './open_records.ts';
import type { RecordTable } from './record_table.ts';
import { readSealedTail } from './sealed_footer.ts';
import { WindowReader } from './window_reader.ts';

const EVENT_COLUMN = 'event_id';
const UUID_BYTES = 16;

/** Is shown the ids of a segment's events as ClickHouse stores them, some at a time; the bytes are lent. */
export interface EventVisitor {
  look(values: Buffer): void;
}

/** All ids as text. */
export class EventList implements EventVisitor {
  readonly event_ids: string[] = [];
  private readonly words = new Uint32Array(UUID_BYTES / 4);

  look(values: Buffer): void {
    for (let at = 0; at + UUID_BYTES <= values.length; at += UUID_BYTES) {
      for (let word = 0; word < this.words.length; word++) this.words[word] = values.readUInt32LE(at + 4 * word);
      this.event_ids.push(uuidText(this.words));
    }
  }
}

/** Compares ids as ClickHouse stores them. */
export class EventSearch implements EventVisitor {
  /** How many rows each event has that was found. */
  readonly found = new Map<string, number>();
  private readonly wanted = new Map<string, string>();

  constructor(event_ids: ReadonlySet<string>) {
    for (const event_id of event_ids) this.wanted.set(uuidBytes(event_id).toString('latin1'), event_id);
  }

  look(values: Buffer): void {
    for (let at = 0; at + UUID_BYTES <= values.length; at += UUID_BYTES) {
      const event_id = this.wanted.get(values.toString('latin1', at, at + UUID_BYTES));
      if (event_id !== undefined) this.found.set(event_id, (this.found.get(event_id) ?? 0) + 1);
    }
  }
}

/**
 * Looks through the records of an open segment.
 *
 * @param id the segment's; a file that was reused for another is not read
 * @returns the oldest receipt in it and whether it was sent, undefined when nothing in it could be read
 */
export async function searchOpen(
  file: FileHandle,
  id: string,
  search: EventVisitor,
): Promise<{ received_at_ms: number; tokens: number } | undefined> {
  const opened = await readOpenRecords(file, id, [EVENT_COLUMN]);
  if (opened === undefined) return undefined;
  const { reader, records, columns, tokens } = opened;
  for (let record = 0; record < records.count; record++) search.look(await readColumn(reader, records, record, columns[0]));
  return { received_at_ms: records.received_at_ms, tokens };
}

/**
 * Shows the rows of an open segment, those of one record at a time: of each the texts of the columns `names`. Says false, and shows nothing, where the
 * segment has not all of them, or the file was reused for another than `id`.
 */
export async function visitOpenRows(
  file: FileHandle,
  id: string,
  names: readonly string[],
  visit: (rows: readonly (readonly string[])[]) => Promise<void>,
): Promise<boolean> {
  const opened = await readOpenRecords(file, id, names);
  if (opened === undefined) return false;
  const { reader, records, columns } = opened;
  for (let record = 0; record < records.count; record++) {
    const texts: (readonly string[])[] = [];
    for (const column of columns) texts.push(readTexts(await readColumn(reader, records, record, column), records, record, column));
    await visit(Array.from({ length: records.rowsOf(record) }, (_, row) => texts.map((of_column) => of_column[row])));
  }
  return true;
}

/** Lent until the next read. */
function readColumn(reader: WindowReader, records: RecordTable, record: number, column: number): Promise<Buffer> {
  let offset = records.payloadOffset(record) + records.headerBytes(record);
  for (let before = 0; before < column; before++) offset += records.dataBytes(record, before);
  return reader.read(offset, records.dataBytes(record, column));
}

/**
 * Looks through a sealed segment.
 *
 * @returns what its footer says; undefined when neither copy of that is sound, or its table has no events
 * @throws RangeError when the block is not what its head says
 */
export async function searchSealed(
  file: FileHandle,
  search: EventVisitor,
): Promise<{ received_at_ms: number; sealed_at_ms: number; tokens: number } | undefined> {
  const tail = await readSealedTail(file);
  if (tail === undefined || !tail.footer.columns.includes(EVENT_COLUMN)) return undefined;
  const reader = new WindowReader(file, tail.footer.native_bytes);
  await new NativeCursor(reader).readUuids(EVENT_COLUMN, (bytes) => search.look(bytes));
  const { received_at_ms, sealed_at_ms } = tail.footer;
  return { received_at_ms, sealed_at_ms, tokens: tail.tokens };
}

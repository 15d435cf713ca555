/**
 * Which events stand in the spool: the proof of what they claimed. Implements `SpoolRecords`, for a start after a crash.
 *
 * Reads the files that are there, open and sealed, while the spool goes on sealing: a segment's identity stays the same, so that whichever of its two files
 * is found says what is in it, and one that vanishes while it is looked for is sealed by then. The caller sees to it that no sealed segment of the table
 * is retired meanwhile. What is damaged is no proof.
 */
import type { FileHandle, Fs } from '../../contract/ports.ts';
import type { SpoolRecords } from '../../contract/version_claims.ts';
import { withFile } from './file_io.ts';
import { uuidBytes } from './native_block.ts';
import { NativeCursor } from './native_cursor.ts';
import { recordSeed } from './record.ts';
import { scanRecords } from './record_scan.ts';
import { readSealedTail } from './sealed_footer.ts';
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES } from './segment_header.ts';
import { parseSegmentFileName, segmentFileName } from './segment_name.ts';
import { errorCode } from './system_errors.ts';
import { WindowReader } from './window_reader.ts';

const EVENT_COLUMN = 'event_id';
const UUID_BYTES = 16;
/** A file that vanishes was sealed: the next list has it. More often than this something else removes files. */
const LISTS_MAX = 100;

export class NodeSpoolRecords implements SpoolRecords {
  private readonly directory: string;

  /** @param data_dir absolute */
  constructor(
    private readonly fs: Fs,
    data_dir: string,
  ) {
    this.directory = `${data_dir}/spool`;
  }

  async holds(table: string, event_ids: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const search = new EventSearch(event_ids);
    const read_ids = new Set<string>();
    for (let lists = 0; lists < LISTS_MAX; lists++) {
      let has_vanished = false;
      for (const name of await this.fs.list(this.directory)) {
        const parsed = parseSegmentFileName(name);
        if (parsed?.segment.table !== table || read_ids.has(parsed.segment.id)) continue;
        if (await this.readSegment(parsed.segment.id, segmentFileName(parsed.segment, parsed.kind), parsed.kind, search)) {
          read_ids.add(parsed.segment.id);
        } else has_vanished = true;
      }
      if (!has_vanished) return search.found;
    }
    throw new Error(`files vanish from ${this.directory} while it is read`);
  }

  /** False when the file is gone. */
  private async readSegment(id: string, name: string, kind: 'open' | 'sealed', search: EventSearch): Promise<boolean> {
    try {
      await withFile(this.fs, `${this.directory}/${name}`, 'read', (file) =>
        kind === 'open' ? readOpen(file, id, search) : readSealed(file, search),
      );
      return true;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    }
  }
}

async function readOpen(file: FileHandle, id: string, search: EventSearch): Promise<void> {
  const head = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const header = decodeSegmentHeader(head.subarray(0, await file.read(head, 0)));
  const event_column = header?.columns.findIndex(({ name }) => name === EVENT_COLUMN) ?? -1;
  if (header === undefined || header.id !== id || event_column === -1) return;
  const reader = new WindowReader(file, await file.size());
  const { records } = await scanRecords(reader, header.columns.length, recordSeed(id));
  for (let record = 0; record < records.count; record++) {
    let offset = records.payloadOffset(record) + records.headerBytes(record);
    for (let column = 0; column < event_column; column++) offset += records.dataBytes(record, column);
    search.look(await reader.read(offset, records.dataBytes(record, event_column)));
  }
}

async function readSealed(file: FileHandle, search: EventSearch): Promise<void> {
  const tail = await readSealedTail(file);
  if (tail === undefined || !tail.footer.columns.includes(EVENT_COLUMN)) return;
  const reader = new WindowReader(file, tail.footer.native_bytes);
  await new NativeCursor(reader).readUuids(EVENT_COLUMN, (bytes) => search.look(bytes));
}

/** Compares ids as ClickHouse stores them. */
class EventSearch {
  readonly found = new Set<string>();
  private readonly wanted = new Map<string, string>();

  constructor(event_ids: ReadonlySet<string>) {
    for (const event_id of event_ids) this.wanted.set(uuidBytes(event_id).toString('latin1'), event_id);
  }

  look(values: Buffer): void {
    for (let at = 0; at + UUID_BYTES <= values.length; at += UUID_BYTES) {
      const event_id = this.wanted.get(values.toString('latin1', at, at + UUID_BYTES));
      if (event_id !== undefined) this.found.add(event_id);
    }
  }
}

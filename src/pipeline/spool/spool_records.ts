/**
 * Which events stand in the spool: the proof of what they claimed. For a start after a crash.
 *
 * Reads the files that are there, open and sealed, while the spool goes on sealing: a segment's identity stays the same, so that whichever of its two files
 * is found says what is in it, and one that vanishes while it is looked for is sealed by then. The caller sees to it that no sealed segment of the table
 * is retired meanwhile. What is damaged is no proof.
 */
import type { Fs } from '../../contract/ports.ts';
import type { SpoolEvents, SpoolRecords, SpoolRows } from '../../contract/version_claims.ts';
import { EventList, EventSearch, type EventVisitor, searchOpen, searchSealed, visitOpenRows } from './event_ids.ts';
import { withFile } from './file_io.ts';
import { parseSegmentFileName, segmentFileName } from './segment_name.ts';
import { errorCode } from './system_errors.ts';

/** A file that vanishes was sealed: the next list has it. More often than this something else removes files. */
const LISTS_MAX = 100;

export class NodeSpoolRecords implements SpoolRecords, SpoolEvents, SpoolRows {
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
    await this.readSegments(table, (read) => read(search));
    return new Set(search.found.keys());
  }

  async each(table: string, visit: (event_ids: readonly string[]) => Promise<void>): Promise<void> {
    await this.readSegments(table, async (read) => {
      const list = new EventList();
      const is_read = await read(list);
      if (is_read) await visit(list.event_ids);
      return is_read;
    });
  }

  async eachUnsealed(
    table: string,
    columns: readonly string[],
    visit: (rows: readonly (readonly string[])[]) => Promise<void>,
  ): Promise<void> {
    const segments = (await this.fs.list(this.directory)).map(parseSegmentFileName).filter((parsed) => parsed?.segment.table === table);
    for (const parsed of segments.sort((left, right) => (left?.segment.sequence ?? 0) - (right?.segment.sequence ?? 0))) {
      if (parsed?.kind !== 'open') continue;
      const path = `${this.directory}/${segmentFileName(parsed.segment, 'open')}`;
      await withFile(this.fs, path, 'read', (file) => visitOpenRows(file, parsed.segment.id, columns, visit));
    }
  }

  /** Goes over the segments of `table` until each was read; `take` resolves to whether the file was still there. */
  private async readSegments(table: string, take: (read: (visitor: EventVisitor) => Promise<boolean>) => Promise<boolean>): Promise<void> {
    const read_ids = new Set<string>();
    for (let lists = 0; lists < LISTS_MAX; lists++) {
      let has_vanished = false;
      for (const name of await this.fs.list(this.directory)) {
        const parsed = parseSegmentFileName(name);
        if (parsed?.segment.table !== table || read_ids.has(parsed.segment.id)) continue;
        const { segment, kind } = parsed;
        if (await take((visitor) => this.readSegment(segment.id, segmentFileName(segment, kind), kind, visitor))) read_ids.add(segment.id);
        else has_vanished = true;
      }
      if (!has_vanished) return;
    }
    throw new Error(`files vanish from ${this.directory} while it is read`);
  }

  /** False when the file is gone. */
  private async readSegment(id: string, name: string, kind: 'open' | 'sealed', search: EventVisitor): Promise<boolean> {
    try {
      await withFile(this.fs, `${this.directory}/${name}`, 'read', (file) =>
        kind === 'open' ? searchOpen(file, id, search) : searchSealed(file, search),
      );
      return true;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    }
  }
}

/**
 * Which events stand in the spool: the proof of what they claimed. Implements `SpoolRecords`, for a start after a crash.
 *
 * Reads the files that are there, open and sealed, while the spool goes on sealing: a segment's identity stays the same, so that whichever of its two files
 * is found says what is in it, and one that vanishes while it is looked for is sealed by then. The caller sees to it that no sealed segment of the table
 * is retired meanwhile. What is damaged is no proof.
 */
import type { Fs } from '../../contract/ports.ts';
import type { SpoolRecords } from '../../contract/version_claims.ts';
import { EventSearch, searchOpen, searchSealed } from './event_ids.ts';
import { withFile } from './file_io.ts';
import { parseSegmentFileName, segmentFileName } from './segment_name.ts';
import { errorCode } from './system_errors.ts';

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
      if (!has_vanished) return new Set(search.found.keys());
    }
    throw new Error(`files vanish from ${this.directory} while it is read`);
  }

  /** False when the file is gone. */
  private async readSegment(id: string, name: string, kind: 'open' | 'sealed', search: EventSearch): Promise<boolean> {
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

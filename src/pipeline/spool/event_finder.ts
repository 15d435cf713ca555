/**
 * Finds the copies of one event in the files of a data directory, beside a running daemon or without one. Reads, and changes nothing.
 *
 * Files move while they are looked through. The places are looked at in the order in which an event passes them (marked for replay, spool, dead letters), so
 * that one which moves on is met again further on, perhaps twice: a segment keeps its id, and is counted where it was met last.
 */
import type { Fs } from '../../contract/ports.ts';
import { EventSearch, searchOpen, searchSealed } from './event_ids.ts';
import { withFile } from './file_io.ts';
import { LETTER_DIRECTORY, REPLAY_DIRECTORY } from './letter_files.ts';
import { SEGMENT_HEADER_BYTES } from './segment_header.ts';
import { parseSegmentFileName } from './segment_name.ts';
import { errorCode } from './system_errors.ts';

/**
 * - `open`: in the segment that is being written; `sealed`: in one that waits for ClickHouse
 * - `replay`: a dead letter that waits for a daemon to take it up; `dead_letter`: one that waits for a person
 * - `quarantine`: in a damaged file that was set aside
 */
export type FilePlace = 'open' | 'sealed' | 'replay' | 'dead_letter' | 'quarantine';

export interface FiledCopy {
  readonly place: FilePlace;
  readonly table: string;
  readonly segment: string;
  /** How many rows of the segment are this event. */
  readonly copies: number;
  /** The oldest receipt in the segment. */
  readonly received_at_ms: number;
  /** Undefined while it is open. */
  readonly sealed_at_ms: number | undefined;
  /** It was sent to ClickHouse at least once, or was about to be. */
  readonly is_sent: boolean;
}

export interface FiledCopies {
  readonly copies: readonly FiledCopy[];
  /** Names of damaged files below the data directory that could not be looked through. */
  readonly unreadable: readonly string[];
}

const EMPTY = { received_at_ms: 0, sealed_at_ms: undefined, tokens: 0 };

const PLACES: readonly { readonly directory: string; readonly place: FilePlace | undefined }[] = [
  { directory: REPLAY_DIRECTORY, place: 'replay' },
  // Open or sealed, as the file's name says.
  { directory: 'spool', place: undefined },
  { directory: LETTER_DIRECTORY, place: 'dead_letter' },
  { directory: 'quarantine', place: 'quarantine' },
];

export class EventFinder {
  /** @param data_dir absolute; nothing need be there */
  constructor(
    private readonly fs: Fs,
    private readonly data_dir: string,
  ) {}

  /** @param event_id a UUID in lower case */
  async find(event_id: string): Promise<FiledCopies> {
    const by_segment = new Map<string, FiledCopy>();
    const unreadable: string[] = [];
    for (const { directory, place } of PLACES) {
      for (const name of await this.fs.list(`${this.data_dir}/${directory}`)) {
        const parsed = parseSegmentFileName(name);
        if (parsed === undefined) continue;
        const { segment, kind } = parsed;
        const found = await this.look(`${directory}/${name}`, segment.id, kind, event_id);
        if (found === 'unreadable') unreadable.push(`${directory}/${name}`);
        else if (found !== undefined) {
          by_segment.set(segment.id, { place: place ?? kind, table: segment.table, segment: segment.id, ...found });
        }
      }
    }
    return { copies: [...by_segment.values()], unreadable };
  }

  /** Undefined when the event is not in the file, or the file is gone. */
  private async look(
    path: string,
    segment_id: string,
    kind: 'open' | 'sealed',
    event_id: string,
  ): Promise<Omit<FiledCopy, 'place' | 'table' | 'segment'> | 'unreadable' | undefined> {
    const search = new EventSearch(new Set([event_id]));
    try {
      const facts = await withFile(this.fs, `${this.data_dir}/${path}`, 'read', async (file) => {
        if (kind === 'sealed') return await searchSealed(file, search);
        const open = await searchOpen(file, segment_id, search);
        // A file that has no more than its head, if that, has no events: it may just be being made.
        if (open === undefined && (await file.size()) <= SEGMENT_HEADER_BYTES) return EMPTY;
        return open === undefined ? undefined : { ...EMPTY, ...open };
      });
      if (facts === undefined) return 'unreadable';
      const copies = search.found.get(event_id) ?? 0;
      const { received_at_ms, sealed_at_ms, tokens } = facts;
      return copies === 0 ? undefined : { copies, received_at_ms, sealed_at_ms, is_sent: tokens > 0 };
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      // What a damaged block is read as; the daemon finds it out by its checksum and sets it aside.
      if (error instanceof RangeError) return 'unreadable';
      throw error;
    }
  }
}

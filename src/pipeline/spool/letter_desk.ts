/**
 * The dead letters as the command line sees them, beside a running daemon or without one. `letter_files.ts` has the layout and what the places mean.
 *
 * Reads, and changes one thing: it marks a letter for replay by one rename, so that of many that try only one does. Everything else is the daemon's.
 */
import type { Fs } from '../../contract/ports.ts';
import { withFile } from './file_io.ts';
import {
  DESCRIPTION_SUFFIX,
  LETTER_DIRECTORY,
  type LetterDescription,
  parseDescription,
  REPLAY_DIRECTORY,
  SEALED_SUFFIX,
} from './letter_files.ts';
import { parseSegmentFileName } from './segment_name.ts';
import { errorCode } from './system_errors.ts';

/**
 * - `rejected`: waits for a person
 * - `marked`: waits for a daemon to take it
 * - `queued`: the daemon has it in its queue
 * - `delivered`: it is in ClickHouse, and nothing of it is left here
 * - `damaged`: its file failed its checksum and is in quarantine
 */
export type LetterPlace = 'rejected' | 'marked' | 'queued' | 'delivered' | 'damaged';

export interface LetterEntry {
  readonly id: string;
  readonly table: string;
  /** Name of its files without the suffix. */
  readonly stem: string;
  readonly place: LetterPlace;
}

export class LetterDesk {
  private readonly directory: string;
  private readonly replay_directory: string;
  private readonly quarantine_directory: string;

  /** @param data_dir absolute; nothing need be there */
  constructor(
    private readonly fs: Fs,
    data_dir: string,
  ) {
    this.directory = `${data_dir}/${LETTER_DIRECTORY}`;
    this.replay_directory = `${data_dir}/${REPLAY_DIRECTORY}`;
    this.quarantine_directory = `${data_dir}/quarantine`;
  }

  /** All letters that are not delivered, oldest first. */
  async list(): Promise<readonly LetterEntry[]> {
    // In the order in which a letter moves on a replay, backwards: one that moves between two looks is then seen twice rather than not at all.
    const quarantined = await this.sealedStems(this.quarantine_directory);
    const beside = await this.fs.list(this.directory);
    const marked = await this.sealedStems(this.replay_directory);
    const rejected = new Set(beside.filter((name) => name.endsWith(SEALED_SUFFIX)).map((name) => name.slice(0, -SEALED_SUFFIX.length)));
    const described = beside.filter((name) => name.endsWith(DESCRIPTION_SUFFIX)).map((name) => name.slice(0, -DESCRIPTION_SUFFIX.length));
    const entries: LetterEntry[] = [];
    for (const stem of [...new Set([...described, ...rejected, ...marked])].sort()) {
      const parsed = parseSegmentFileName(stem + SEALED_SUFFIX);
      if (parsed === undefined) continue;
      const place = placeOf(stem, rejected, marked, quarantined);
      entries.push({ id: parsed.segment.id, table: parsed.segment.table, stem, place });
    }
    return entries;
  }

  /** Undefined when it is gone, or was damaged. */
  async describe(entry: LetterEntry): Promise<LetterDescription | undefined> {
    try {
      const text = await withFile(this.fs, `${this.directory}/${entry.stem}${DESCRIPTION_SUFFIX}`, 'read', async (file) => {
        const bytes = Buffer.alloc(await file.size());
        await file.read(bytes, 0);
        return bytes.toString();
      });
      return parseDescription(text);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Marks the letters for replay, durably; one that somebody else marked before is no error. Resolves to how many this call marked. */
  async mark(entries: readonly LetterEntry[], progress: (marked: number) => void = () => undefined): Promise<number> {
    let marked = 0;
    await this.fs.makeDirectory(this.replay_directory);
    for (const { stem } of entries) {
      const name = stem + SEALED_SUFFIX;
      try {
        await this.fs.rename(`${this.directory}/${name}`, `${this.replay_directory}/${name}`);
        progress(++marked);
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw error;
      }
    }
    await this.fs.syncDirectory(this.replay_directory);
    await this.fs.syncDirectory(this.directory);
    return marked;
  }

  /** What became of letters that were marked, in their order. */
  async places(entries: readonly LetterEntry[]): Promise<readonly LetterPlace[]> {
    const places_now = async (): Promise<[string, LetterPlace][]> => (await this.list()).map(({ stem, place }) => [stem, place]);
    let present = new Map(await places_now());
    // A listing can miss a description that is just being replaced: only what two of them do not show is gone.
    if (entries.some(({ stem }) => !present.has(stem))) present = new Map([...(await places_now()), ...present]);
    return entries.map(({ stem }) => present.get(stem) ?? 'delivered');
  }

  private async sealedStems(directory: string): Promise<ReadonlySet<string>> {
    const names = await this.fs.list(directory);
    return new Set(names.filter((name) => name.endsWith(SEALED_SUFFIX)).map((name) => name.slice(0, -SEALED_SUFFIX.length)));
  }
}

function placeOf(stem: string, rejected: ReadonlySet<string>, marked: ReadonlySet<string>, quarantined: ReadonlySet<string>): LetterPlace {
  if (marked.has(stem)) return 'marked';
  if (rejected.has(stem)) return 'rejected';
  return quarantined.has(stem) ? 'damaged' : 'queued';
}

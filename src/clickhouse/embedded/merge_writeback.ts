/**
 * Has the system write what the engine merges while it is merged.
 *
 * Nobody syncs a merged part, since its sources stay until it is safe. So Linux writes it half a minute later, some 100 MB at once, and meanwhile
 * each sync of the spool, which somebody's acknowledgement waits for, takes 100 to 200 ms (docs/PERFORMANCE.md, "Where the tail at half load comes
 * from"). Asked a little at a time, it has nothing left to write at once. Asking starts the writing and waits for none of it: nothing becomes durable by it.
 */
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where an Atomic database has its tables: `store/123/123e4567-…/`. */
const STORE_DIRECTORY = 'store';
/** What a part is called until it is whole; then the rest of the name is its own. */
const UNFINISHED = /^tmp_(?:merge|mut)_/;

/** Asks the system to write what it holds of a file; of a file that is gone, nothing. */
export type StartWriting = (path: string) => void;

export class MergeWriteback {
  /** Directories of parts that were being made at the last pass. */
  #unfinished: readonly string[] = [];

  /** @param engine_directory the engine's own, which is only read here */
  constructor(
    private readonly engine_directory: string,
    private readonly start_writing: StartWriting,
  ) {}

  /** Starts writing whatever merges have made since the last pass, also of those that have ended since. @returns whether any goes on */
  pass(): boolean {
    const unfinished = tableDirectories(join(this.engine_directory, STORE_DIRECTORY)).flatMap((table) =>
      directoriesIn(table).flatMap((name) => (UNFINISHED.test(name) ? [join(table, name)] : [])),
    );
    const ended = this.#unfinished.filter((directory) => !unfinished.includes(directory)).map(finishedName);
    for (const directory of [...unfinished, ...ended]) for (const path of filesBelow(directory)) this.start_writing(path);
    this.#unfinished = unfinished;
    return unfinished.length > 0;
  }
}

function tableDirectories(store: string): readonly string[] {
  return directoriesIn(store).flatMap((prefix) => directoriesIn(join(store, prefix)).map((table) => join(store, prefix, table)));
}

function finishedName(directory: string): string {
  const begin = directory.lastIndexOf('/') + 1;
  return directory.slice(0, begin) + directory.slice(begin).replace(UNFINISHED, '');
}

function directoriesIn(directory: string): readonly string[] {
  return entriesOf(directory, false).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

function filesBelow(directory: string): readonly string[] {
  return entriesOf(directory, true).flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
}

function entriesOf(directory: string, recursive: boolean): readonly Dirent[] {
  return readIfThere(() => readdirSync(directory, { withFileTypes: true, recursive })) ?? [];
}

/** The engine renames and removes at any time: undefined of what is gone. */
export function readIfThere<Read>(read: () => Read): Read | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Runs `MergeWriteback` beside the engine, with sync_file_range(2). */
import { closeSync, openSync } from 'node:fs';
import { loadCLibrary } from '../../base/c_library.ts';
import { MergeWriteback, readIfThere, type StartWriting } from './merge_writeback.ts';

/** A merge makes 10 to 40 MB a second, and what is asked for at once is what a sync waits for. */
const MERGING_INTERVAL_MS = 40;
const RESTING_INTERVAL_MS = 200;
/** Of Linux, `include/uapi/linux/fs.h`: begins to write the dirty pages that are not being written yet. */
const SYNC_FILE_RANGE_WRITE = 2;

/**
 * Without it the engine is slower at its worst, and nothing else: where the system refuses, a line of output says so, and that is all.
 *
 * @returns ends it
 */
export async function writeMergesEarly(engine_directory: string): Promise<() => void> {
  let timer: NodeJS.Timeout | undefined;
  const give_up = (error: unknown): void => {
    process.stderr.write(`Merged parts are written when the system likes: ${error instanceof Error ? error.message : String(error)}\n`);
  };
  try {
    const start_writing = await loadStartWriting();
    if (start_writing === undefined) return () => undefined;
    const writeback = new MergeWriteback(engine_directory, start_writing);
    const pass = (): void => {
      try {
        timer = setTimeout(pass, writeback.pass() ? MERGING_INTERVAL_MS : RESTING_INTERVAL_MS);
      } catch (error) {
        give_up(error);
      }
    };
    pass();
  } catch (error) {
    give_up(error);
  }
  return () => clearTimeout(timer);
}

/** Undefined elsewhere than on Linux. Throws where the C library does not have the call. */
export async function loadStartWriting(): Promise<StartWriting | undefined> {
  if (process.platform !== 'linux') return undefined;
  const library = await loadCLibrary();
  const sync_file_range = library.func('int sync_file_range(int fd, int64_t offset, int64_t bytes, uint32_t flags)');
  return (path) => {
    const fd = readIfThere(() => openSync(path, 'r'));
    if (fd === undefined) return;
    // 0 bytes = to the end. What cannot be written early is written late.
    sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    closeSync(fd);
  };
}

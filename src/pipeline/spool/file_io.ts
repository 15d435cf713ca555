/** Whole writes and quiet removals on the port `Fs`: what every file of the spool is written with. */
import type { FileHandle, Fs } from '../../contract/ports.ts';
import { errorCode, isTransient } from './system_errors.ts';

/** So many calls in a row that do nothing are a fault of the system, not an interruption. */
const FRUITLESS_WRITES_MAX = 100;

/**
 * Writes all of `buffers` from `position`, going on after short writes, EINTR and EAGAIN.
 *
 * @throws the operating system's error; then any part of the bytes may be in the file
 */
export async function writeFully(file: FileHandle, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let left = buffers;
  let at = position;
  let fruitless_writes = 0;
  while (left.length > 0) {
    const written_bytes = await writeOnce(file, left, at);
    fruitless_writes = written_bytes === 0 ? fruitless_writes + 1 : 0;
    if (fruitless_writes > FRUITLESS_WRITES_MAX) throw new Error('the file system takes no bytes and reports no error');
    at += written_bytes;
    left = withoutFirst(left, written_bytes);
  }
}

async function writeOnce(file: FileHandle, buffers: readonly Uint8Array[], position: number): Promise<number> {
  try {
    return await file.write(buffers, position);
  } catch (error) {
    if (isTransient(error)) return 0;
    throw error;
  }
}

function withoutFirst(buffers: readonly Uint8Array[], skip_bytes: number): readonly Uint8Array[] {
  let skip = skip_bytes;
  let first = 0;
  for (const buffer of buffers) {
    if (buffer.length > skip) break;
    skip -= buffer.length;
    first++;
  }
  const cut = buffers[first];
  if (cut === undefined) return [];
  return skip === 0 && first === 0 ? buffers : [cut.subarray(skip), ...buffers.slice(first + 1)];
}

/** Removes the file if it is there. */
export async function removeIfThere(fs: Fs, path: string): Promise<void> {
  try {
    await fs.remove(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** Runs `use` with the file open and closes it in any case. */
export async function withFile<Result>(
  fs: Fs,
  path: string,
  mode: 'create' | 'read' | 'write',
  use: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  const file = await fs.open(path, mode);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/**
 * Writes a file whole or not at all: under a name ending in `.partial`, synced, renamed, and the directory synced. Replaces what was there.
 *
 * @param directory where `name` goes; absolute
 */
export async function writeFileDurably(fs: Fs, directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const partial = `${directory}/${name}.partial`;
  await removeIfThere(fs, partial);
  await withFile(fs, partial, 'create', async (file) => {
    await writeFully(file, [bytes], 0);
    await file.datasync();
  });
  await fs.rename(partial, `${directory}/${name}`);
  await fs.syncDirectory(directory);
}

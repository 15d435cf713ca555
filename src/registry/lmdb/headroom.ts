/**
 * Keeps LMDB's file longer than what LMDB uses of it, so that a commit never meets a full disk: where the system refuses a write, LMDB 3.5.6 of lmdb-js
 * writes its message about it beyond the end of a buffer, and the process ends some time later ("malloc(): corrupted top size").
 *
 * What is behind the last used page is zeros that LMDB never reads; a start takes what it finds. Owner of the file's length, not of its content.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

/** What is made at a time, so that few commits wait for it. */
const MADE_BYTES = 1 << 20;
/** What any commit takes: the root's pages, and rows that are shared. */
const COMMIT_BYTES = 1 << 17;
/** What an entry takes beside its content: a page of its own and part of those above it. */
const ENTRY_BYTES = 2 * 4096;
/** Of a character, at the most. */
const CHARACTER_BYTES = 4;
const STEP_BYTES = 1 << 18;
const ZEROS = Buffer.alloc(STEP_BYTES);

/** More than a commit of so many entries can take, whose texts have so many characters in all. */
export function commitBytesMax(entries: number, characters: number): number {
  return COMMIT_BYTES + entries * ENTRY_BYTES + characters * CHARACTER_BYTES;
}

export class Headroom {
  private file_bytes = 0;

  private constructor(private readonly file: FileHandle) {}

  /** On LMDB's file, which is there. */
  static async open(directory: string): Promise<Headroom> {
    const headroom = new Headroom(await open(join(directory, 'data.mdb'), 'r+'));
    headroom.file_bytes = (await headroom.file.stat()).size;
    return headroom;
  }

  /**
   * Resolves when there is room for `needed_bytes`.
   *
   * @param used_bytes how much of the file LMDB uses
   * @throws the system's error where there is none
   */
  async ensure(used_bytes: number, needed_bytes: number): Promise<void> {
    if (this.file_bytes - used_bytes >= needed_bytes) return;
    try {
      await this.extend(used_bytes, used_bytes + needed_bytes + MADE_BYTES);
    } catch (error) {
      if (this.file_bytes - used_bytes < needed_bytes) throw error;
    }
    await this.file.datasync();
  }

  private async extend(used_bytes: number, wanted_bytes: number): Promise<void> {
    // Never over what LMDB has written: only behind the end that the file has now.
    this.file_bytes = Math.max((await this.file.stat()).size, used_bytes);
    while (this.file_bytes < wanted_bytes) {
      const { bytesWritten: written_bytes } = await this.file.write(ZEROS, 0, STEP_BYTES, this.file_bytes);
      this.file_bytes += written_bytes;
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

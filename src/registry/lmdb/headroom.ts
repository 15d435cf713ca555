/**
 * Keeps LMDB's file longer than what LMDB uses of it, so that a commit never meets a full disk: where the system refuses a write, LMDB 3.5.6 of lmdb-js
 * writes its message about it beyond the end of a buffer, and the process ends some time later ("malloc(): corrupted top size").
 *
 * What is behind the last used page is zeros that LMDB never reads; a start takes what it finds. Owner of the file's length, not of its content.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

/** More than one commit can take: `DESK_LIMITS.batch_max` claims, each with a page of its own. */
const HEADROOM_BYTES = 4 << 20;
const STEP_BYTES = 1 << 20;
const ZEROS = Buffer.alloc(STEP_BYTES);

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
   * Resolves when a commit has room.
   *
   * @param used_bytes how much of the file LMDB uses
   * @throws the system's error where there is none
   */
  async ensure(used_bytes: number): Promise<void> {
    if (this.file_bytes - used_bytes >= HEADROOM_BYTES) return;
    const wanted_bytes = used_bytes + 2 * HEADROOM_BYTES;
    while (this.file_bytes < wanted_bytes) {
      const { bytesWritten: written_bytes } = await this.file.write(ZEROS, 0, STEP_BYTES, Math.max(this.file_bytes, used_bytes));
      this.file_bytes = Math.max(this.file_bytes, used_bytes) + written_bytes;
    }
    await this.file.datasync();
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

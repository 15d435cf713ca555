/**
 * `keys.json` on the machine's own file system.
 *
 * A reader sees the old text or the new, never a part: the new text is written beside it, fsynced and renamed over it, and
 * the directory is fsynced. Writers exclude each other by `keys.json.lock` (see `file_lock.ts`). Only the owner can read
 * either (mode 0600).
 */
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OperatingError } from '../../contract/errors.ts';
import type { Clock } from '../../contract/ports.ts';
import { FileLock } from './file_lock.ts';
import type { KeyFile } from './key_file.ts';

export const KEY_FILE_NAME = 'keys.json';

export class NodeKeyFile implements KeyFile {
  readonly path: string;
  private readonly lock: FileLock;

  /** @param data_dir absolute; made by the first `update` when it is missing */
  constructor(data_dir: string, clock: Clock) {
    this.path = join(data_dir, KEY_FILE_NAME);
    this.lock = new FileLock(`${this.path}.lock`, clock);
  }

  async read(): Promise<string | undefined> {
    return await this.unlessMissing(readFile(this.path, 'utf8'));
  }

  async stamp(): Promise<string | undefined> {
    const status = await this.unlessMissing(stat(this.path, { bigint: true }));
    return status === undefined ? undefined : `${status.mtimeNs}:${status.size}:${status.ino}`;
  }

  async update(change: (text: string | undefined) => string | undefined): Promise<void> {
    await this.writing(mkdir(dirname(this.path), { recursive: true }));
    for (;;) {
      const held = await this.writing(this.lock.acquire());
      if (held === undefined) throw new OperatingError('keys_locked', { path: this.path, pid: await this.lock.holder() });
      try {
        const text = change(await this.read());
        if (text === undefined) return;
        if (await this.writing(this.replace(text, held.token, () => held.isOurs()))) return;
      } finally {
        await held.release();
      }
    }
  }

  /** False when the lock was taken from us meanwhile: then nothing has changed. */
  private async replace(text: string, token: string, is_ours: () => Promise<boolean>): Promise<boolean> {
    const draft = `${this.path}.${token}.tmp`;
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
      if (!(await is_ours())) return false;
      await rename(draft, this.path);
    } finally {
      await file.close();
      await rm(draft, { force: true });
    }
    const directory = await open(dirname(this.path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    return true;
  }

  private async unlessMissing<Value>(reading: Promise<Value>): Promise<Value | undefined> {
    try {
      return await reading;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw new OperatingError('keys_unreadable', { path: this.path, reason: reasonOf(error) }, { cause: error });
    }
  }

  private async writing<Value>(work: Promise<Value>): Promise<Value> {
    try {
      return await work;
    } catch (error) {
      throw new OperatingError('keys_unwritable', { path: this.path, reason: reasonOf(error) }, { cause: error });
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

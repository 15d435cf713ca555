/**
 * A lock between processes: a file that only one of them can create.
 *
 * It is linked into place complete, with its holder's process id and a token, so that nobody ever reads half of one. The
 * lock of a holder that died (or that holds it longer than any change takes, in a container where its process id means
 * nothing) is taken away. Two who do so at once can, within microseconds, take each other's fresh lock; therefore a
 * holder asks `isOurs` just before the step that counts.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { Clock } from '../../contract/ports.ts';

export interface HeldLock {
  /** Unique to this holding; safe in file names. */
  readonly token: string;
  /** Whether nobody has taken the lock away. */
  isOurs(): Promise<boolean>;
  release(): Promise<void>;
}

const PATIENCE_MS = 5000;
const STALE_MS = 10_000;
const RETRY_MS = 20;

export class FileLock {
  private readonly path: string;
  private readonly clock: Clock;

  constructor(path: string, clock: Clock) {
    this.path = path;
    this.clock = clock;
  }

  /** Waits for the lock; undefined when another process has held it all the time. Rejects with the operating system's error. */
  async acquire(): Promise<HeldLock | undefined> {
    const deadline_ms = this.clock.monotonicMs() + PATIENCE_MS;
    while (this.clock.monotonicMs() < deadline_ms) {
      const held = await this.tryAcquire();
      if (held !== undefined) return held;
      if (await this.isAbandoned()) await this.takeAway();
      else await new Promise<void>((resolve) => this.clock.schedule(RETRY_MS, resolve));
    }
    return undefined;
  }

  /** The process that holds the lock, as far as it can be known; for messages. */
  async holder(): Promise<string> {
    return (await this.content())?.split(' ')[0] ?? 'unknown';
  }

  private async tryAcquire(): Promise<HeldLock | undefined> {
    const token = randomUUID();
    const content = `${process.pid} ${token}`;
    const draft = `${this.path}.${token}`;
    await writeFile(draft, content, { mode: 0o600, flag: 'wx' });
    try {
      await link(draft, this.path);
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return undefined;
      throw error;
    } finally {
      await rm(draft, { force: true });
    }
    const is_ours = async (): Promise<boolean> => (await this.content()) === content;
    return { token, isOurs: is_ours, release: async () => ((await is_ours()) ? await rm(this.path, { force: true }) : undefined) };
  }

  private async isAbandoned(): Promise<boolean> {
    const content = await this.content();
    if (content === undefined) return false;
    if (!isAlive(Number.parseInt(content, 10))) return true;
    const age_ms = await stat(this.path).then(
      (status) => this.clock.nowMs() - status.mtimeMs,
      () => 0,
    );
    return age_ms > STALE_MS;
  }

  private async takeAway(): Promise<void> {
    const aside = `${this.path}.${randomUUID()}`;
    try {
      await rename(this.path, aside);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    await rm(aside, { force: true });
  }

  private async content(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }
}

/** Whether a process with this id lives; one of another user counts, and so does an id that cannot be read. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/**
 * The exclusive lock on a data directory: one daemon, whichever way the last one ended.
 *
 * Node has no flock, and a file with a process id goes stale, and lies where ids are used again or belong to another container. So the proof of life is a
 * Unix socket that listens: the kernel answers for it exactly as long as its process lives.
 *
 * Each daemon listens on a socket of its own, `<data_dir>/lock/<id>.sock`, and only then knocks at all the others there. One that nobody answers for is
 * left over; no process will ever listen on that name again, so it may be removed without a race. One that answers is a daemon, which says whether it
 * holds the lock or asks for it too; of two that ask, the one with the smaller id goes on. Since each listens before it looks, two that start at the
 * same moment cannot miss each other.
 *
 * Holds between processes and containers of one kernel that share the directory, whatever their process ids and networks. Does not hold between machines
 * that share it over a network. Needs a file system with Unix sockets.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatingError } from '../../contract/errors.ts';
import { errorCode } from './system_errors.ts';

/** Below the data directory; holds nothing but sockets. */
export const LOCK_DIRECTORY = 'lock';

export interface DirectoryLock {
  /** Gives the directory free; at the death of the process that happens by itself. */
  release(): Promise<void>;
}

const SOCKET_SUFFIX = '.sock';
/** A stopped process (SIGSTOP, a debugger) is connected to by the kernel, but does not answer. It lives. */
const ANSWER_MS_MAX = 1000;
const CONTENTION_DELAY_MS = 25;
const CONTENTION_ROUNDS_MAX = 200;

/** What a socket is found to be: left over; about to go, as one that gave way or ends; or the daemon `pid`, which holds the lock or asks for it. */
type Neighbour = { kind: 'gone' } | { kind: 'leaving' } | { kind: 'holding' | 'asking'; pid: string };

/**
 * Takes the lock, or rejects with `data_dir_locked`; with `data_dir_unwritable` where there can be no socket.
 *
 * @param data_dir absolute, and present
 */
export async function lockDirectory(data_dir: string): Promise<DirectoryLock> {
  const attempt = new LockAttempt(data_dir);
  try {
    await attempt.listen();
    await attempt.outlast();
  } catch (error) {
    await attempt.release();
    if (error instanceof OperatingError) throw error;
    throw new OperatingError(
      'data_dir_unwritable',
      { data_dir, reason: `no socket can listen in it, ${errorCode(error)}` },
      { cause: error },
    );
  }
  return attempt;
}

class LockAttempt implements DirectoryLock {
  private readonly id = randomBytes(6).toString('hex');
  private readonly directory: string;
  private state: 'asking' | 'holding' = 'asking';
  private server: Server | undefined;
  private readonly callers = new Set<Socket>();

  constructor(private readonly data_dir: string) {
    this.directory = join(data_dir, LOCK_DIRECTORY);
  }

  /** Listens under a temporary name first: a socket that is bound and does not listen yet would look left over. */
  async listen(): Promise<void> {
    await mkdir(this.directory, 0o700).catch((error: unknown) => {
      if (errorCode(error) !== 'EEXIST') throw error;
    });
    const temporary_path = join(this.directory, this.id);
    const server = createServer((socket) => {
      this.callers.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.callers.delete(socket));
      // Closed from this side whatever the caller does: a caller that hangs must not hold up our end.
      socket.end(`${this.state} ${process.pid}\n`, () => socket.destroy());
    });
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(shortest(temporary_path), resolve);
    });
    server.unref();
    await rename(temporary_path, this.path);
  }

  /** Waits until nobody else can have the lock, then has it. */
  async outlast(): Promise<void> {
    for (let round = 0; round < CONTENTION_ROUNDS_MAX; round++) {
      const rivals = await this.lookAround();
      if (rivals === 0) {
        this.state = 'holding';
        return;
      }
      await sleep(CONTENTION_DELAY_MS);
    }
    throw new OperatingError('data_dir_locked', { data_dir: this.data_dir, pid: 'unknown' });
  }

  async release(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    await rm(this.path, { force: true });
    if (server?.listening !== true) return;
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of this.callers) socket.destroy();
    await closed;
  }

  private get path(): string {
    return join(this.directory, this.id + SOCKET_SUFFIX);
  }

  /** Clears away what is left over, and counts those who are to be waited for: they ask for the lock too and will give way, or are about to go. */
  private async lookAround(): Promise<number> {
    let rivals = 0;
    for (const name of await readdir(this.directory)) {
      const id = name.slice(0, -SOCKET_SUFFIX.length);
      if (!name.endsWith(SOCKET_SUFFIX) || id === this.id) continue;
      const path = join(this.directory, name);
      const neighbour = await knock(shortest(path));
      if (neighbour.kind === 'gone') {
        await rm(path, { force: true });
        continue;
      }
      if (neighbour.kind !== 'leaving' && (neighbour.kind === 'holding' || id < this.id)) {
        throw new OperatingError('data_dir_locked', { data_dir: this.data_dir, pid: neighbour.pid });
      }
      rivals++;
    }
    return rivals;
  }
}

function knock(path: string): Promise<Neighbour> {
  return new Promise((resolve, reject) => {
    let answer = '';
    let is_connected = false;
    let is_silent = false;
    const socket = createConnection(path);
    const timer = setTimeout(() => {
      is_silent = true;
      socket.destroy();
    }, ANSWER_MS_MAX);
    socket.on('connect', () => {
      is_connected = true;
    });
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    socket.on('error', (error) => {
      const is_gone = ['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'].includes(errorCode(error));
      const code = errorCode(error);
      // EAGAIN: its queue of callers is full, so somebody listens and does not answer. ECONNRESET: it closed while we stood in the queue.
      is_silent ||= code === 'EAGAIN';
      is_connected ||= code === 'EAGAIN' || code === 'ECONNRESET';
      if (!is_connected && !is_gone) reject(error);
    });
    socket.on('close', () => {
      clearTimeout(timer);
      const [state, pid] = answer.trim().split(' ');
      if (!is_connected) resolve({ kind: 'gone' });
      else if (pid === undefined && !is_silent) resolve({ kind: 'leaving' });
      else resolve({ kind: state === 'asking' ? 'asking' : 'holding', pid: pid ?? 'unknown' });
    });
  });
}

/** Addresses of sockets are at most 103 (macOS) or 107 bytes long: take the shorter way to the same file. */
function shortest(path: string): string {
  const relative_path = relative(process.cwd(), path);
  return relative_path.length < path.length ? relative_path : path;
}

/**
 * The embedded ClickHouse as the daemon sees it: a child process that is started, watched, restarted and stopped.
 *
 * Owner of the child. A child that dies by itself is started again, with growing pauses, on the same port and directory; what
 * was acknowledged is on its disk. The child's output never reaches the daemon's: it goes to `on_log` line by line.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { assert } from '../../base/assert.ts';
import { OperatingError } from '../../contract/errors.ts';
import type { Clock, Timer } from '../../contract/ports.ts';
import { EngineChild, type LogFields } from './engine_child.ts';
import { type ChildOptions, ENGINE_DIRECTORY, type FromChild, REQUESTS_DIRECTORY } from './messages.ts';

export interface EmbeddedClickHouseOptions {
  /** Created if missing; the engine owns everything in it. */
  readonly data_directory: string;
  /** 0 = any free one; `url` tells which. */
  readonly port: number;
  /** Of user `default`; empty = none needed. */
  readonly password?: string;
  readonly clock: Clock;
  readonly on_log: (event: string, fields: LogFields) => void;
  /** Of one request, after decompression. */
  readonly body_bytes_max?: number;
  /** The engine's own limit; 0 = half of the machine's memory. */
  readonly memory_bytes_max?: number;
  /** With less free disk INSERTs are refused with code 243; 0 = while there is any. */
  readonly free_bytes_min?: number;
  /** How many reads run at once. */
  readonly read_sessions?: number;
  /** How many queries of one kind may wait for a session. */
  readonly queue_max?: number;
  /** How long a start waits for the port and the directory of a predecessor that is still dying. */
  readonly takeover_wait_ms?: number;
  /** The child's environment (PATH, TZ, …). */
  readonly environment?: Readonly<Record<string, string>>;
}

/** `restarting` lasts from an unexpected death to the next first answer; `failed`: `start` rejected, nothing goes on. */
export type EmbeddedState = 'stopped' | 'starting' | 'ready' | 'restarting' | 'failed';

type Outcome = { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly error: OperatingError };

const DEFAULTS = {
  password: '',
  body_bytes_max: 1 << 30,
  memory_bytes_max: 0,
  free_bytes_min: 0,
  read_sessions: 4,
  queue_max: 64,
  takeover_wait_ms: 5_000,
  environment: {},
};
/** Inserts, changes and kills have a session each besides the reads. */
const OTHER_SESSIONS = 3;
/** A query occupies a thread of libuv's pool; files and compression need some besides. */
const SPARE_THREADS = 4;
const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 30_000;
/** A child that has run this long starts with the shortest pause again. */
const STEADY_MS = 60_000;
const LOCKED = /cannot lock file|another server instance/i;

export class EmbeddedClickHouse {
  readonly #options: Required<EmbeddedClickHouseOptions>;
  #state: EmbeddedState = 'stopped';
  #last_error = '';
  #port: number;
  #child: EngineChild | undefined;
  #restart: Timer | undefined;
  #backoff_ms = BACKOFF_MS_MIN;
  #ready_at_ms = 0;
  #is_behind = false;

  constructor(options: EmbeddedClickHouseOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#port = options.port;
  }

  get state(): EmbeddedState {
    return this.#state;
  }

  /** Why the child last died or did not start; empty when it never did. */
  get lastError(): string {
    return this.#last_error;
  }

  /** Without credentials. Known once `start` has resolved. */
  get url(): string {
    assert(this.#port > 0, 'BUG: the embedded ClickHouse was asked for its address before it had one');
    return `http://127.0.0.1:${this.#port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Resolves once the engine has answered its first query.
   *
   * Rejects with `port_in_use`, `engine_directory_locked` or `engine_failed`.
   */
  async start(): Promise<void> {
    assert(this.#state === 'stopped' || this.#state === 'failed', 'BUG: the embedded ClickHouse was started twice');
    this.#state = 'starting';
    await mkdir(join(this.#options.data_directory, REQUESTS_DIRECTORY), { recursive: true, mode: 0o700 });
    const { clock, takeover_wait_ms } = this.#options;
    const until_ms = clock.monotonicMs() + takeover_wait_ms;
    let outcome = await this.#launch();
    // Launching takes long enough to be the pause between two tries.
    while (outcome.kind === 'failed' && outcome.error.code === 'engine_directory_locked' && clock.monotonicMs() < until_ms) {
      if (this.#isStopped()) break;
      outcome = await this.#launch();
    }
    if (outcome.kind === 'ready') return;
    if (!this.#isStopped()) this.#state = 'failed';
    throw outcome.error;
  }

  /** The daemon's own threads come before the engine's from now on, also when it is started again. */
  stepBack(): void {
    this.#is_behind = true;
    this.#child?.send({ type: 'step_back' });
  }

  /**
   * Lets running inserts end and the engine close its tables; kills the child when that takes longer than `deadline_ms`.
   * Resolves when the child is gone.
   */
  async stop(deadline_ms: number): Promise<void> {
    this.#state = 'stopped';
    this.#restart?.cancel();
    const child = this.#child;
    if (child === undefined) return;
    child.send({ type: 'stop' });
    const kill = this.#options.clock.schedule(deadline_ms, () => {
      this.#options.on_log('clickhouse_engine_killed', { deadline_ms });
      child.kill();
    });
    await child.gone;
    kill.cancel();
  }

  /** Starts one child; the outcome is its first word, or its death. A child that failed is gone when this resolves. */
  async #launch(): Promise<Outcome> {
    const { data_directory, environment, read_sessions, on_log } = this.#options;
    const child = new EngineChild({
      working_directory: join(data_directory, REQUESTS_DIRECTORY),
      environment: { ...environment, UV_THREADPOOL_SIZE: String(read_sessions + OTHER_SESSIONS + SPARE_THREADS) },
      on_log,
    });
    this.#child = child;
    child.send({ type: 'start', options: this.#childOptions() });
    void child.gone.then((reason) => this.#onGone(child, reason));
    const word = await child.first_word;
    if (word.type === 'ready') return this.#becomeReady(word);
    const error = this.#startError(child, word.reason, word.detail);
    this.#last_error = error.message;
    child.kill();
    await child.gone;
    return { kind: 'failed', error };
  }

  #becomeReady(word: Extract<FromChild, { type: 'ready' }>): Outcome {
    this.#port = word.port;
    this.#ready_at_ms = this.#options.clock.monotonicMs();
    if (this.#state !== 'stopped') this.#state = 'ready';
    if (this.#is_behind) this.stepBack();
    this.#options.on_log('clickhouse_engine_ready', { port: word.port, version: word.version, pid: this.#child?.pid ?? 0 });
    return { kind: 'ready' };
  }

  #onGone(child: EngineChild, reason: string): void {
    if (this.#child === child) this.#child = undefined;
    if (this.#state !== 'ready') return;
    this.#last_error = [`The embedded ClickHouse ${reason}.`, ...child.lastOutput()].join(' ');
    this.#state = 'restarting';
    if (this.#options.clock.monotonicMs() - this.#ready_at_ms >= STEADY_MS) this.#backoff_ms = BACKOFF_MS_MIN;
    this.#restartLater();
  }

  #restartLater(): void {
    const delay_ms = this.#backoff_ms;
    this.#backoff_ms = Math.min(BACKOFF_MS_MAX, delay_ms * 2);
    this.#options.on_log('clickhouse_engine_restarting', { delay_ms, last_error: this.#last_error });
    this.#restart = this.#options.clock.schedule(delay_ms, () => {
      this.#launch().then((outcome) => {
        if (outcome.kind === 'failed' && this.#state === 'restarting') this.#restartLater();
      });
    });
  }

  #startError(child: EngineChild, reason: 'port_in_use' | 'engine', detail: string): OperatingError {
    const { data_directory } = this.#options;
    if (reason === 'port_in_use') {
      return new OperatingError('port_in_use', { port: this.#port, host: '127.0.0.1', setting: 'clickhouse.embedded_port' });
    }
    const told = [detail, ...child.lastOutput()].join(' ');
    if (LOCKED.test(told)) return new OperatingError('engine_directory_locked', { directory: join(data_directory, ENGINE_DIRECTORY) });
    return new OperatingError('engine_failed', { reason: told });
  }

  #childOptions(): ChildOptions {
    const { data_directory, password, body_bytes_max, memory_bytes_max, free_bytes_min, read_sessions, queue_max, takeover_wait_ms } =
      this.#options;
    const limits = { body_bytes_max, memory_bytes_max, free_bytes_min, read_sessions, queue_max, takeover_wait_ms };
    return { data_directory: resolve(data_directory), port: this.#port, password, ...limits };
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }
}

/**
 * The engine's sessions and who may use one when.
 *
 * A session runs one query at a time and has a current database and parameters of its own, so it is lent to one query at a
 * time. Four lanes keep them out of each other's way: INSERTs, changes (an OPTIMIZE may take minutes), KILL, and reads, which
 * are read-only sessions. A lane queues a bounded number and refuses the rest.
 */
import { assert } from '../../base/assert.ts';
import { exception, fromEngine } from './exception.ts';
import { parametersStatement, quotedIdentifier, type Settings } from './settings.ts';

export type LaneName = 'read' | 'insert' | 'change' | 'kill';

export interface EngineAnswer {
  readonly bytes: Uint8Array;
  readonly elapsed_ms: number;
  readonly result_rows: number;
  readonly result_bytes: number;
}

/** What the executor needs of a session; the tests have one without an engine. */
export interface EngineSession {
  run(sql: string, format: string): Promise<EngineAnswer>;
  close(): void;
}

/** A value that no type's parser accepts whole, so that a placeholder left without its parameter fails. */
const NO_VALUE = '\t';

/** One session on loan. */
export class LentSession {
  #database = 'default';
  #parameter_names: readonly string[] = [];

  constructor(private readonly session: EngineSession) {}

  /**
   * Makes `database` current and gives the parameters their values. The engine cannot forget a parameter: those of the
   * loan before are overwritten with what cannot be read.
   */
  async prepare(database: string, parameters: Settings): Promise<void> {
    if (database !== this.#database) {
      await this.run(`USE ${quotedIdentifier(database)}`, 'Null');
      this.#database = database;
    }
    const assignments = new Map([...this.#parameter_names.map((name): [string, string] => [name, NO_VALUE]), ...parameters]);
    if (assignments.size > 0) await this.run(parametersStatement(assignments), 'Null');
    this.#parameter_names = [...parameters.keys()];
  }

  /** Rejects with the engine's exception. */
  async run(sql: string, format: string): Promise<EngineAnswer> {
    try {
      return await this.session.run(sql, format);
    } catch (error) {
      throw fromEngine(error);
    }
  }

  close(): void {
    this.session.close();
  }
}

interface Waiter {
  readonly lend: (session: LentSession) => void;
  readonly refuse: (error: Error) => void;
}

/** A lane: sessions of one kind and the queries that wait for them, first come, first served. */
export class Lane {
  readonly #idle: LentSession[];
  readonly #sessions: readonly LentSession[];
  readonly #waiting: Waiter[] = [];
  #closed = false;
  #drained: (() => void) | undefined;

  constructor(
    sessions: readonly LentSession[],
    private readonly queue_max: number,
  ) {
    assert(sessions.length > 0, 'BUG: a lane without a session');
    this.#sessions = sessions;
    this.#idle = [...sessions];
  }

  /** Runs `task` with a session of its own. Rejects with TOO_MANY_SIMULTANEOUS_QUERIES when too many wait already. */
  async use<Result>(task: (session: LentSession) => Promise<Result>): Promise<Result> {
    const session = await this.#lend();
    try {
      return await task(session);
    } finally {
      this.#giveBack(session);
    }
  }

  /** Takes no more queries, resolves when the running ones have ended. Those that wait are refused. */
  async drain(): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(closing());
    if (this.#idle.length < this.#sessions.length) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
  }

  close(): void {
    for (const session of this.#sessions) session.close();
  }

  #lend(): Promise<LentSession> {
    if (this.#closed) return Promise.reject(closing());
    const session = this.#idle.pop();
    if (session !== undefined) return Promise.resolve(session);
    if (this.#waiting.length >= this.queue_max) {
      return Promise.reject(
        exception('TOO_MANY_SIMULTANEOUS_QUERIES', `Too many simultaneous queries: ${this.queue_max} wait already for a session`),
      );
    }
    return new Promise((lend, refuse) => this.#waiting.push({ lend, refuse }));
  }

  #giveBack(session: LentSession): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      waiter.lend(session);
      return;
    }
    this.#idle.push(session);
    if (this.#idle.length === this.#sessions.length) this.#drained?.();
  }
}

export type Lanes = Readonly<Record<LaneName, Lane>>;

function closing(): Error {
  return exception('ABORTED', 'The embedded ClickHouse is shutting down');
}

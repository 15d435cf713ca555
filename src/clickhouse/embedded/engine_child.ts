/**
 * One child process as an object: its first word, its end, and its last lines of output.
 *
 * Nothing that the child writes reaches the daemon's own output; it is handed to `on_log` line by line.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { installedFile } from '../../base/installation.ts';
import { type FromChild, parseFromChild, type ToChild } from './messages.ts';

export type LogFields = Readonly<Record<string, string | number | boolean>>;

export interface EngineChildOptions {
  readonly working_directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly on_log: (event: string, fields: LogFields) => void;
}

const OUTPUT_LINES_KEPT = 3;

export class EngineChild {
  /** How its start ended: it says so, or dies without a word. Never rejects. */
  readonly first_word: Promise<FromChild>;
  /** Resolves when the process is gone and all its output was read, to how it ended. */
  readonly gone: Promise<string>;
  readonly #process: ChildProcess;
  readonly #output: string[] = [];

  constructor(options: EngineChildOptions) {
    const child = fork(fileURLToPath(installedFile('dist/bundle/engine.js')), [], {
      cwd: options.working_directory,
      env: options.environment,
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) if (stream !== null) this.#collect(stream, options.on_log);
    this.gone = new Promise((resolve) => {
      child.once('error', (error) => {
        // A process that never came to be does not exit either.
        if (child.pid === undefined) resolve(`could not be started: ${error.message}`);
      });
      child.once('close', (code, signal) => resolve(`ended with ${signal ?? `exit code ${code}`}`));
    });
    this.first_word = new Promise((resolve) => {
      child.on('message', (message) => {
        const word = parseFromChild(message);
        if (word !== undefined) resolve(word);
      });
      void this.gone.then((detail) => resolve({ type: 'failed', reason: 'engine', detail }));
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** A child that is dying misses the message; `gone` tells. */
  send(message: ToChild): void {
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** What it wrote last, oldest first. */
  lastOutput(): readonly string[] {
    return [...this.#output];
  }

  #collect(stream: NodeJS.ReadableStream, on_log: EngineChildOptions['on_log']): void {
    createInterface({ input: stream }).on('line', (line) => {
      this.#output.push(line);
      if (this.#output.length > OUTPUT_LINES_KEPT) this.#output.shift();
      on_log('clickhouse_engine_output', { line });
    });
  }
}

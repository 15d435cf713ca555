/** A user at a terminal of paper: runs a command line in a world made up by a test and keeps what it prints. */
import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { SYSTEM_CLOCK } from '../../../src/base/system_clock.ts';
import type { CommandEntry, Signal } from '../../../src/cli/command.ts';
import { runCommandLine } from '../../../src/cli/run.ts';
import { DEFAULTS_PATH } from '../config/loading.ts';

export interface Session {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Collects text. */
export class Paper extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export class Terminal {
  readonly stdout = new Paper();
  readonly stderr = new Paper();
  readonly exits: number[] = [];
  private readonly signals = new EventEmitter();
  private readonly environment: Record<string, string>;
  private readonly files: Record<string, string>;

  constructor(environment: Record<string, string> = {}, files: Record<string, string> = {}) {
    this.environment = environment;
    this.files = files;
  }

  /** Changes a file that the commands read by `--config`. */
  write(path: string, text: string): void {
    this.files[path] = text;
  }

  raise(signal: Signal): void {
    this.signals.emit(signal);
  }

  /** How many handlers wait for a signal. */
  handlers(signal: Signal): number {
    return this.signals.listenerCount(signal);
  }

  async run(line: readonly string[], entries: readonly CommandEntry[]): Promise<Session> {
    let drawn = 0;
    const code = await runCommandLine(line, entries, {
      stdout: this.stdout,
      stderr: this.stderr,
      clock: SYSTEM_CLOCK,
      freeBytes: async () => 100e9,
      randomBytes: (count) => new Uint8Array(count).fill(++drawn),
      onSignal: (signal, handler) => void this.signals.on(signal, handler),
      exit: (exit_code) => void this.exits.push(exit_code),
      environment: this.environment,
      working_directory: '/work_dir',
      cores: 2,
      defaults_path: DEFAULTS_PATH,
      readText: async (path) => this.files[path] ?? (await readFile(path, 'utf8')),
    });
    return { code, stdout: this.stdout.text, stderr: this.stderr.text };
  }
}

/** One command line in a world of its own. */
export async function runOnce(
  line: readonly string[],
  entries: readonly CommandEntry[],
  environment: Record<string, string> = {},
): Promise<Session> {
  return await new Terminal(environment).run(line, entries);
}

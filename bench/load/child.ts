/** The child processes of the bench: started with nothing of our environment but what is given, always ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STOP_MS_MAX = 25_000;
const STDERR_CHARACTERS_KEPT = 2000;

export class Child {
  readonly name: string;
  readonly pid: number;
  private readonly process: ChildProcess;
  private readonly ended: Promise<unknown>;
  private output = '';
  private problems = '';

  /** Runs this Node with `argv`; `core` is the one processor that it and its children may use. */
  constructor(name: string, argv: readonly string[], environment: Readonly<Record<string, string>> = {}, core?: number) {
    this.name = name;
    const [command = '', ...rest] = [...(core === undefined ? [] : ['taskset', '-c', String(core)]), process.execPath, ...argv];
    this.process = spawn(command, rest, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
    this.pid = this.process.pid ?? 0;
    this.ended = once(this.process, 'close');
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.problems = (this.problems + text).slice(-STDERR_CHARACTERS_KEPT);
    });
  }

  /** Throws when the process has ended: what it said on stderr is the reason. */
  checkRunning(): void {
    if (this.process.exitCode === null && this.process.signalCode === null) return;
    throw new Error(`${this.name} ended (${this.process.signalCode ?? this.process.exitCode}): ${this.problems.trim()}`);
  }

  /** Everything printed on stdout, once the process has ended well; rejects otherwise. Killed after `ms_max`. */
  async finish(ms_max: number): Promise<string> {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), ms_max);
    await this.ended;
    clearTimeout(timer);
    if (this.process.exitCode === 0) return this.output;
    throw new Error(`${this.name} ended (${this.process.signalCode ?? this.process.exitCode}): ${this.problems.trim()}`);
  }

  /** The first line on stdout. */
  async firstLine(): Promise<string> {
    while (!this.output.includes('\n')) {
      this.checkRunning();
      await Promise.race([once(this.process.stdout ?? this.process, 'data'), this.ended]);
    }
    return this.output.slice(0, this.output.indexOf('\n'));
  }

  /** Ends its standard input: what it waits for. */
  proceed(): void {
    this.process.stdin?.end();
  }

  /** Asks it to end, insists after 25 s, and resolves when it has ended. */
  async stop(): Promise<void> {
    this.process.stdin?.end();
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS_MAX);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends it at once. */
  kill(): void {
    this.process.kill('SIGKILL');
  }
}

/** Who starts children. */
export interface Starter {
  start(name: string, argv: readonly string[], environment?: Readonly<Record<string, string>>): Child;
}

/** Starts children and knows them all, so that none outlives the bench however it ends. */
export class Children implements Starter {
  private readonly children: Child[] = [];

  start(name: string, argv: readonly string[], environment: Readonly<Record<string, string>> = {}, core?: number): Child {
    const child = new Child(name, argv, environment, core);
    this.children.push(child);
    return child;
  }

  /** Starts them on this processor alone. Needs `taskset`. */
  onCore(core: number): Starter {
    return { start: (name, argv, environment) => this.start(name, argv, environment, core) };
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.children.map((child) => child.stop()));
  }

  killAll(): void {
    for (const child of this.children) child.kill();
  }
}

/**
 * Does `work` with children and a directory of its own, `prefix` before its name. However it ends, also by `process.exit`, no child is left, and when
 * the process ends neither is the directory.
 */
export async function withChildren<Result>(
  prefix: string,
  work: (children: Children, directory: string) => Promise<Result>,
): Promise<Result> {
  const children = new Children();
  const directory = await mkdtemp(join(tmpdir(), prefix));
  process.once('exit', () => {
    children.killAll();
    rmSync(directory, { recursive: true, force: true });
  });
  try {
    return await work(children, directory);
  } finally {
    await children.stopAll();
  }
}

/**
 * The real daemon as a child process, in a directory of its own, on ports of its own, with the real embedded engine. Ended and
 * removed when its test ends, however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installedFile } from '../../src/base/installation.ts';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import type { KeyUse } from '../../src/contract/tenant.ts';
import type { KeyRequest } from '../../src/pipeline/admission/key_rules.ts';
import { KeyStore } from '../../src/pipeline/admission/keys.ts';
import { NodeKeyFile } from '../../src/pipeline/admission/node_key_file.ts';
import { freePort } from './free_port.ts';
import { copyStore, PREPARED_STORE } from './prepared_store.ts';
import { until } from './until.ts';

const MAIN = fileURLToPath(installedFile('dist/bundle/main.js'));
const START_MS_MAX = 30_000;

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a home is taken down: a test's context, or whoever plays one. */
export interface Owner {
  after(callback: () => Promise<void>): void;
}

export type Settings = Readonly<Record<string, string>>;

/** A place for one daemon, started as often as the test wants. */
export class DaemonHome {
  private readonly running = new Set<ChildProcess>();

  private constructor(
    readonly data_dir: string,
    readonly http_port: number,
    readonly admin_port: number,
    readonly engine_port: number,
    private readonly settings: Settings,
  ) {}

  /**
   * With a store whose migrations have run, where the run of the tests has prepared one; everything else is as before a first start.
   *
   * @param settings more of the configuration, as environment names to values
   */
  static async create(owner: Owner, settings: Settings = {}): Promise<DaemonHome> {
    const home = await DaemonHome.createEmpty(owner, settings);
    const store = process.env[PREPARED_STORE];
    if (store !== undefined) await copyStore(store, home.data_dir);
    return home;
  }

  /** Without a data directory: for tests of a first start, of its failing, and of kills during it. */
  static async createEmpty(owner: Owner, settings: Settings = {}): Promise<DaemonHome> {
    const directory = await mkdtemp(join(tmpdir(), 'penstock-test-'));
    const home = new DaemonHome(join(directory, 'data'), await freePort(), await freePort(), await freePort(), settings);
    owner.after(async () => {
      await Promise.all([...home.running].map((child) => end(child)));
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    });
    return home;
  }

  environment(): Settings {
    return {
      PATH: process.env['PATH'] ?? '',
      PENSTOCK_DATA_DIR: this.data_dir,
      PENSTOCK_HTTP__PORT: String(this.http_port),
      PENSTOCK_ADMIN__PORT: String(this.admin_port),
      PENSTOCK_CLICKHOUSE__EMBEDDED_PORT: String(this.engine_port),
      // Directories for temporary files may be small.
      PENSTOCK_CLICKHOUSE__EMBEDDED_FREE_BYTES_MIN: '512 MiB',
      ...this.settings,
    };
  }

  /** Starts the daemon and resolves when it is ready. */
  async start(settings: Settings = {}): Promise<RunningDaemon> {
    const daemon = this.launch(settings);
    await daemon.ready(START_MS_MAX);
    return daemon;
  }

  /** Starts the daemon without waiting for anything. */
  launch(settings: Settings = {}): RunningDaemon {
    const child = spawn(process.execPath, [MAIN, 'serve'], {
      env: { ...this.environment(), ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.running.add(child);
    child.once('exit', () => this.running.delete(child));
    return new RunningDaemon(child, this);
  }

  /** Runs a subcommand to its end. */
  async command(line: readonly string[], settings: Settings = {}): Promise<CommandResult> {
    const child = spawn(process.execPath, [MAIN, ...line], {
      env: { ...this.environment(), ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.running.add(child);
    const texts = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (texts.stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (texts.stderr += String(chunk)));
    await once(child, 'close');
    return { code: child.exitCode ?? -1, ...texts };
  }

  /** A key that knows an organization and nothing more. */
  createKeyOf(use: KeyUse, organization_id: string): Promise<string> {
    return this.storeKey({ use, organization_id });
  }

  createKey(use: KeyUse, more: Partial<KeyRequest> = {}): Promise<string> {
    return this.storeKey({ use, organization_id: 'org_test', project_id: 'proj_test', ...more });
  }

  /** As `keys create` does, without a process for each. */
  private async storeKey(request: KeyRequest): Promise<string> {
    const file = new NodeKeyFile(this.environment()['PENSTOCK_DATA_DIR'] ?? this.data_dir, SYSTEM_CLOCK);
    const { secret } = await new KeyStore({ file, clock: SYSTEM_CLOCK, randomBytes }).create(request);
    return secret;
  }
}

export class RunningDaemon {
  stdout = '';
  stderr = '';

  constructor(
    readonly child: ChildProcess,
    private readonly home: DaemonHome,
  ) {
    child.stdout?.on('data', (chunk) => (this.stdout += String(chunk)));
    child.stderr?.on('data', (chunk) => (this.stderr += String(chunk)));
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.home.http_port}${path}`;
  }

  adminUrl(path: string): string {
    return `http://127.0.0.1:${this.home.admin_port}${path}`;
  }

  async ready(within_ms: number): Promise<void> {
    await until('the daemon is ready', within_ms, async () => {
      if (this.child.exitCode !== null) throw new Error(`the daemon ended with ${this.child.exitCode}: ${this.stderr}${this.stdout}`);
      const answer = await fetch(this.url('/readyz')).catch(() => undefined);
      return answer?.ok === true;
    });
  }

  post(path: string, body: string | Uint8Array, headers: Readonly<Record<string, string>>): Promise<Response> {
    return fetch(this.url(path), { method: 'POST', body, headers });
  }

  /** Rows of a query as objects. */
  async query<Row>(sql: string): Promise<Row[]> {
    const url = `http://127.0.0.1:${this.home.engine_port}/?database=penstock&default_format=JSONEachRow`;
    const answer = await fetch(url, { method: 'POST', body: sql });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    const rows: Row[] = JSON.parse(`[${text.trim().split('\n').filter(Boolean).join(',')}]`);
    return rows;
  }

  async count(table: string): Promise<number> {
    const [row] = await this.query<{ rows: string | number }>(`SELECT count() AS rows FROM ${table}`);
    return Number(row?.rows ?? 0);
  }

  /** Asks it to stop, and resolves to its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(signal);
      await once(this.child, 'close');
    }
    return this.child.exitCode;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

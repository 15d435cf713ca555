/**
 * A PostgreSQL server of a test's own: a fresh cluster in a temporary directory, on a free port of loopback, ended and removed with its owner.
 *
 * Debian's package `postgresql` brings the programs and no more is needed of it. The server refuses to run as root; started as root it runs as the
 * package's user.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Owner } from './daemon.ts';
import { freePort } from './free_port.ts';
import { until } from './until.ts';

const VERSIONS = '/usr/lib/postgresql';
const SYSTEM_USER = 'postgres';
const START_MS_MAX = 30_000;
const DATABASE_USER = 'penstock';
const PASSWORD = 'a secret/with:odd@characters';

/** Where the server's programs are; undefined where none are installed. */
export function postgresPrograms(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  const newest = readdirSync(VERSIONS).sort((left, right) => Number(right) - Number(left));
  return newest.map((version) => join(VERSIONS, version, 'bin')).find((programs) => existsSync(join(programs, 'initdb')));
}

/** The one reason for which a test may be skipped: as `skip` of tests that need a server, where none can be had. */
export const NEEDS_POSTGRES: string | false = postgresPrograms() === undefined && 'no PostgreSQL server is installed here';

export class PostgresServer {
  private server: ChildProcess | undefined;

  private constructor(
    private readonly programs: string,
    private readonly directory: string,
    readonly port: number,
  ) {}

  static async create(owner: Owner, programs: string): Promise<PostgresServer> {
    const directory = mkdtempSync(join(tmpdir(), 'penstock-postgres-'));
    const postgres = new PostgresServer(programs, directory, await freePort());
    owner.after(async () => {
      await postgres.stop();
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    });
    if (isRoot()) chownSync(directory, Number(idOf('-u')), Number(idOf('-g')));
    postgres.run('initdb', ['--pgdata', join(directory, 'data'), '--auth', 'trust', '--no-sync', '--encoding', 'UTF8', '-U', 'postgres']);
    await postgres.start();
    await postgres.sql(`CREATE ROLE ${DATABASE_USER} LOGIN PASSWORD '${PASSWORD}'`);
    await postgres.sql(`CREATE DATABASE registry OWNER ${DATABASE_USER}`);
    return postgres;
  }

  /** For `registry.url`. */
  get url(): string {
    return `postgres://${DATABASE_USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${this.port}/registry`;
  }

  get password(): string {
    return PASSWORD;
  }

  async start(): Promise<void> {
    const settings = ['listen_addresses=127.0.0.1', `port=${this.port}`, `unix_socket_directories=${this.directory}`, 'max_connections=40'];
    const [command, line] = asServerUser(join(this.programs, 'postgres'), [
      '-D',
      join(this.directory, 'data'),
      ...settings.flatMap((setting) => ['-c', setting]),
    ]);
    this.server = spawn(command, line, { stdio: 'ignore', detached: true });
    await until('the PostgreSQL server answers', START_MS_MAX, () =>
      this.sql('SELECT 1').then(
        () => true,
        () => false,
      ),
    );
  }

  /** Breaks all connections and ends. What was committed is there after the next start. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined || server.exitCode !== null) return;
    const ended = once(server, 'exit');
    this.run('pg_ctl', ['stop', '--pgdata', join(this.directory, 'data'), '--mode', 'immediate', '--silent']);
    await ended;
  }

  /** Runs a statement as the superuser. */
  async sql(statement: string, database = 'postgres'): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, user: 'postgres', database });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<Record<string, unknown>>(statement);
      return rows;
    } finally {
      await client.end();
    }
  }

  private run(program: string, line: readonly string[]): void {
    const [command, whole_line] = asServerUser(join(this.programs, program), line);
    execFileSync(command, whole_line, { stdio: 'pipe', cwd: '/' });
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function idOf(option: '-u' | '-g'): string {
  return execFileSync('id', [option, SYSTEM_USER], { encoding: 'utf8' }).trim();
}

function asServerUser(program: string, line: readonly string[]): [string, readonly string[]] {
  return isRoot() ? ['runuser', ['-u', SYSTEM_USER, '--', program, ...line]] : [program, line];
}

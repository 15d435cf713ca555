/**
 * What runs inside the child: the engine's lanes and the HTTP server in front of them, from start to orderly stop.
 *
 * Owner of the engine, the port and the request files. The working directory is the private directory of those files.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openChdbSession } from './chdb_session.ts';
import { writeMergesEarly } from './early_writing.ts';
import { engineXml, usersXml } from './engine_config.ts';
import { Executor } from './executor.ts';
import { type ChildOptions, CONFIG_FILE, ENGINE_DIRECTORY, type FromChild, USERS_FILE } from './messages.ts';
import { createClickHouseServer, type Service } from './server.ts';
import { Lane, type Lanes, LentSession } from './sessions.ts';

const LISTEN_AGAIN_MS = 100;
const LAST_ANSWERS_MS = 1_000;

export class EngineProcess {
  readonly #server: Server = createClickHouseServer(() => this.#service);
  #service: Service | undefined;
  #lanes: Lanes | undefined;
  #stop_writing: () => void = () => undefined;

  /** @param onBroken told when the engine has given itself up: only a new process helps */
  constructor(private readonly ports: { readonly onBroken: (problem: string) => void }) {}

  /** Takes the port, opens the engine and asks it one query; never rejects. */
  async start(options: ChildOptions): Promise<FromChild> {
    try {
      await listenSoon(this.#server, options.port, options.takeover_wait_ms);
      this.#lanes = openLanes(options);
      this.#service = await createService(options, this.#lanes, this.ports.onBroken);
    } catch (error) {
      return {
        type: 'failed',
        reason: isPortTaken(error) ? 'port_in_use' : 'engine',
        detail: error instanceof Error ? error.message : String(error),
      };
    }
    this.#stop_writing = await writeMergesEarly(join(options.data_directory, ENGINE_DIRECTORY));
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return { type: 'ready', port, version: this.#service.identity.version };
  }

  /** Finishes the writes that run, ends the reads, lets the engine close its tables. */
  async stop(): Promise<void> {
    await this.#service?.executor.killAllReads().catch(() => undefined);
    this.#service = undefined;
    this.#stop_writing();
    if (!this.#server.listening) return;
    const answered = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeIdleConnections();
    if (this.#lanes !== undefined) {
      const lanes = Object.values(this.#lanes);
      await Promise.all(lanes.map((lane) => lane.drain()));
      for (const lane of lanes) lane.close();
    }
    // The answers of the last inserts are still on their way; a client that never reads its own is not waited for long.
    await Promise.race([answered, setTimeout(LAST_ANSWERS_MS)]);
  }
}

function openLanes(options: ChildOptions): Lanes {
  const users_file = join(options.data_directory, USERS_FILE);
  const config_file = join(options.data_directory, CONFIG_FILE);
  const engine_directory = join(options.data_directory, ENGINE_DIRECTORY);
  writeFileSync(users_file, usersXml(), { mode: 0o600 });
  writeFileSync(config_file, engineXml(options, users_file), { mode: 0o600 });
  const open = (...further: readonly string[]): LentSession =>
    new LentSession(openChdbSession(engine_directory, [`--config-file=${config_file}`, ...further]));
  const insert = new Lane([open()], options.queue_max);
  // The engine holds the directory's lock now: what an earlier process left of request files belongs to nobody.
  for (const name of readdirSync('.')) rmSync(name, { force: true });
  return {
    insert,
    change: new Lane([open()], options.queue_max),
    kill: new Lane([open()], options.queue_max),
    read: new Lane(
      Array.from({ length: options.read_sessions }, () => open('--readonly=2')),
      options.queue_max,
    ),
  };
}

async function createService(options: ChildOptions, opened: Lanes, on_engine_broken: (problem: string) => void): Promise<Service> {
  const sql = 'SELECT version(), timezone(), hostName()';
  const answer = await opened.read.use((session) => session.run(sql, 'TabSeparated'));
  const [version = '', timezone = '', display_name = ''] = Buffer.from(answer.bytes).toString().trim().split('\t');
  const new_file_name = (): string => `${randomUUID()}.data`;
  return {
    executor: new Executor({ lanes: opened, newFileName: new_file_name }),
    identity: { version, timezone, display_name },
    password: options.password,
    body_bytes_max: options.body_bytes_max,
    newFileName: new_file_name,
    newQueryId: randomUUID,
    onEngineBroken: on_engine_broken,
  };
}

/** A predecessor that was killed may hold the port a moment longer. */
async function listenSoon(on: Server, port: number, wait_ms: number): Promise<void> {
  for (let waited_ms = 0; ; waited_ms += LISTEN_AGAIN_MS) {
    try {
      return await listen(on, port);
    } catch (error) {
      if (!isPortTaken(error) || waited_ms >= wait_ms) throw error;
      await setTimeout(LISTEN_AGAIN_MS);
    }
  }
}

function listen(on: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    on.once('error', reject);
    on.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      on.off('error', reject);
      resolve();
    });
  });
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

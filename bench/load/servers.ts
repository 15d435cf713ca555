/** The servers that are compared: the raw peer, the Fastify peer and the daemon as users run it, each on free ports in a directory of its own. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { installedFile } from '../../src/base/installation.ts';
import type { Child, Children, Starter } from './child.ts';

export type ServerName = 'raw' | 'daemon' | 'daemon_memory' | 'fastify';

/** A server that can be loaded. */
export interface Server {
  readonly name: ServerName;
  readonly child: Child;
  readonly port: number;
  readonly key: string;
  /** How long it must do nothing before a load counts as dealt with, milliseconds. */
  readonly quiet_ms: number;
  /** From its start until it was ready, where that is of interest; else 0. */
  readonly ready_ms: number;
  /** Of its ClickHouse, where it has one. */
  readonly clickhouse_url?: string;
}

const MAIN_PATH = fileURLToPath(installedFile('dist/bundle/main.js'));
const RAW_PATH = fileURLToPath(new URL('../peers/raw.js', import.meta.url));
const FASTIFY_PATH = fileURLToPath(new URL('../peers/fastify.js', import.meta.url));
const READY_MS_MAX = 60_000;
const READY_POLL_MS = 20;
const KEYS_MS_MAX = 30_000;
/** The daemon seals what it holds after a second at most; only after that can it be idle for good. */
const DAEMON_QUIET_MS = 1500;
const RAW_QUIET_MS = 300;

/** A raw peer answers for one size of batch only. */
export async function startRaw(children: Children, batch_events: number): Promise<Server> {
  const child = children.start('the raw peer', [RAW_PATH, String(batch_events)]);
  const listening: { port: number } = JSON.parse(await child.firstLine());
  return { name: 'raw', child, port: listening.port, key: 'sk_live_raw', quiet_ms: RAW_QUIET_MS, ready_ms: 0 };
}

/**
 * The daemon with an embedded engine and its data under `directory`; `ack` is its setting `spool.ack`; `use` and `tenant` are its key's, `settings` are
 * environment variables.
 */
export async function startDaemon(
  children: Starter,
  directory: string,
  ack: 'disk' | 'memory',
  use: 'deploy' | 'events' | 'webhook' | 'read' = 'deploy',
  tenant = { organization_id: 'bench', project_id: 'bench' },
  settings: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const [port = 0, admin_port = 0, engine_port = 0] = await reservePorts(3);
  const environment = {
    PENSTOCK_DATA_DIR: join(directory, ack),
    PENSTOCK_HTTP__PORT: String(port),
    PENSTOCK_ADMIN__PORT: String(admin_port),
    PENSTOCK_CLICKHOUSE__EMBEDDED_PORT: String(engine_port),
    PENSTOCK_SPOOL__ACK: ack,
    ...settings,
  };
  const argv = ['keys', 'create', '--use', use, '--organization', tenant.organization_id, '--project', tenant.project_id, '--json'];
  const line = await children.start('keys create', [MAIN_PATH, ...argv], environment).finish(KEYS_MS_MAX);
  const created: { key: string } = JSON.parse(line);
  const started_ms = performance.now();
  const child = children.start(`the daemon (ack: ${ack})`, [MAIN_PATH, 'serve'], environment);
  await waitUntilReady(child, port);
  return {
    name: ack === 'disk' ? 'daemon' : 'daemon_memory',
    child,
    port,
    key: created.key,
    quiet_ms: DAEMON_QUIET_MS,
    ready_ms: performance.now() - started_ms,
    clickhouse_url: `http://127.0.0.1:${engine_port}`,
  };
}

/** The Fastify peer, which inserts into the given ClickHouse. */
export async function startFastify(children: Children, clickhouse_url: string): Promise<Server> {
  const child = children.start('the Fastify peer', [FASTIFY_PATH, clickhouse_url]);
  const listening: { port: number } = JSON.parse(await child.firstLine());
  return { name: 'fastify', child, port: listening.port, key: 'sk_live_fastify', quiet_ms: DAEMON_QUIET_MS, ready_ms: 0 };
}

async function waitUntilReady(child: Child, port: number): Promise<void> {
  let last = 'no answer';
  for (let waited_ms = 0; waited_ms < READY_MS_MAX; waited_ms += READY_POLL_MS) {
    child.checkRunning();
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.status === 200) return;
    if (answer !== undefined) last = `${answer.status} ${await answer.text()}`;
    await sleep(READY_POLL_MS);
  }
  throw new Error(`${child.name} is not ready after ${READY_MS_MAX / 1000} s: ${last}`);
}

/** Free ports of the loopback interface, all different: each is bound until all are known, then let go. */
async function reservePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      return typeof address === 'object' && address !== null ? address.port : 0;
    }),
  );
}

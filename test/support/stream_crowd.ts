/** Thousands of WebSocket connections to a daemon, as bare sockets: what they cost it, and what is left when they are gone. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { DaemonHome, type Owner, type RunningDaemon } from './daemon.ts';
import { type SeededRandom, seededRandom } from './seeded_random.ts';
import { until } from './until.ts';

const OPENING_AT_ONCE = 100;
const WARM_CONNECTIONS = 200;
const SETTLED_MS_MAX = 60_000;
const MESSAGE = Buffer.from(
  JSON.stringify({ seq: 1, events: [{ event_type: 'apply_success', release_id: 'rel_crowd', distinct_id: 'device-crowd' }] }),
);

interface Target {
  readonly port: number;
  readonly key: string;
}

/** Memory of the daemon's process that is in use, bytes; Linux tells. */
async function residentBytes(daemon: RunningDaemon): Promise<number> {
  const status = await readFile(`/proc/${daemon.child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

function handshake({ key }: Target): string {
  const lines = [
    'GET /api/deploy/stream HTTP/1.1',
    'Host: penstock',
    `x-api-key: ${key}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    'Sec-WebSocket-Version: 13',
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A text frame with a mask of zeros. `announced` may be more than there is. */
function frame(payload: Buffer, announced = payload.length): Buffer {
  const head = Buffer.from([0x81, 0x80 | 126, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(announced, 2);
  return Buffer.concat([head, payload]);
}

async function open(target: Target): Promise<Socket> {
  const socket = connect(target.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(handshake(target));
  const [answer] = await once(socket, 'data');
  if (!String(answer).startsWith('HTTP/1.1 101')) throw new Error(`no upgrade: ${String(answer).slice(0, 200)}`);
  socket.resume();
  return socket;
}

async function openMany(target: Target, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const missing = Math.min(OPENING_AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: missing }, () => open(target)))));
  }
  return sockets;
}

async function closeAll(daemon: RunningDaemon, sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) socket.resetAndDestroy();
  await until('the connections are gone', SETTLED_MS_MAX, async () => {
    const metrics = await (await fetch(daemon.adminUrl('/metrics'))).text();
    return /^penstock_stream_connections 0$/m.test(metrics);
  });
}

/** What idle connections add to the daemon's memory. */
export async function idleCrowd(owner: Owner, connections: number): Promise<{ added_bytes: number }> {
  const home = await DaemonHome.create(owner);
  const target = { port: home.http_port, key: await home.createKey('deploy') };
  const daemon = await home.start();
  await closeAll(daemon, await openMany(target, WARM_CONNECTIONS));
  const before = await residentBytes(daemon);
  const sockets = await openMany(target, connections);
  const added_bytes = (await residentBytes(daemon)) - before;
  await closeAll(daemon, sockets);
  return { added_bytes };
}

/** One connection that ends as connections of phones do: before its upgrade, in the midst of a message, or with one unanswered. */
async function comeAndGo(target: Target, random: SeededRandom): Promise<void> {
  const socket = connect(target.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const luck = random.below(5);
  socket.write(luck === 0 ? handshake(target).slice(0, random.below(150)) : handshake(target));
  if (luck > 0) await once(socket, 'data');
  if (luck === 1) socket.write(frame(Buffer.alloc(random.below(60_000), 0x20), 65_535));
  if (luck > 1) socket.write(frame(MESSAGE));
  if (luck > 2) await once(socket, 'data');
  socket.resetAndDestroy();
}

async function churn(target: Target, random: SeededRandom, connections: number): Promise<void> {
  let begun = 0;
  const run = async (): Promise<void> => {
    while (begun++ < connections) await comeAndGo(target, random);
  };
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, run));
}

export interface DroppedPlan {
  readonly seed: number;
  readonly connections: number;
  /** Of the load meanwhile, events a second. */
  readonly rate: number;
  readonly seconds: number;
  readonly growth_max: number;
}

/** Opens and drops connections at random under load, and then waits until the daemon has no more memory than `growth_max` beyond what it began with. */
export async function droppedCrowd(owner: Owner, plan: DroppedPlan): Promise<{ growth: number }> {
  const home = await DaemonHome.create(owner);
  const target = { port: home.http_port, key: await home.createKey('deploy') };
  const daemon = await home.start();
  const before = await residentBytes(daemon);
  const pace = ['--rate', String(plan.rate), '--seconds', String(plan.seconds)];
  const line = ['load', '--key', target.key, ...pace, '--transport', 'ws', '--connections', '8'];
  const load = home.command(line);
  await churn(target, seededRandom(plan.seed), plan.connections);
  const { code, stdout } = await load;
  if (code !== 0) throw new Error(`the load failed: ${stdout}`);
  await closeAll(daemon, []);
  let growth = Number.POSITIVE_INFINITY;
  await until(`the daemon has grown by ${plan.growth_max * 100} % at most`, SETTLED_MS_MAX, async () => {
    growth = (await residentBytes(daemon)) / before - 1;
    return growth <= plan.growth_max;
  });
  return { growth };
}

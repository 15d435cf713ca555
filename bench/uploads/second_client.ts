/**
 * The other client as a process of its own: `node second_client.js PORT KEY SEED` sends a batch of ten events every five milliseconds,
 * whether the ones before are answered or not, until its standard input ends; then it prints one line, the `Probe`s.
 */
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { FleetTraffic } from '../../src/cli/load/fleet_traffic.ts';
import { HttpConnection } from '../../src/cli/load/http_connection.ts';

export interface Probe {
  /** When it was due. */
  readonly at_ms: number;
  /** From then to its answer. */
  readonly latency_ms: number;
  readonly status: number;
}

const EVERY_MS = 5;
const BATCH_EVENTS = 10;

const [port, key, seed] = process.argv.slice(2);
const address = { host: '127.0.0.1', port: Number(port) };
const traffic = new FleetTraffic({
  address,
  key: String(key),
  seed: Number(seed),
  devices: 10_000,
  batch_events: BATCH_EVENTS,
  transport: 'http',
  encoding: 'json',
});
const idle: HttpConnection[] = [];
const probes: Probe[] = [];
let under_way = 0;
let is_over = false;

async function probe(at_ms: number): Promise<void> {
  under_way++;
  const connection = idle.pop() ?? new HttpConnection(address, SYSTEM_CLOCK);
  const request = Buffer.from(traffic.createRequests().next(BATCH_EVENTS, 0));
  const status = await connection.send(request).then(
    (answer) => answer.status,
    () => 0,
  );
  probes.push({ at_ms, latency_ms: performance.timeOrigin + performance.now() - at_ms, status });
  idle.push(connection);
  under_way--;
  if (is_over && under_way === 0) finish();
}

function finish(): void {
  for (const connection of idle) connection.close();
  process.stdout.write(`${JSON.stringify(probes)}\n`);
}

let due_ms = performance.timeOrigin + performance.now();
const timer = setInterval(() => {
  const now_ms = performance.timeOrigin + performance.now();
  for (; due_ms <= now_ms; due_ms += EVERY_MS) void probe(due_ms);
}, 1);
process.stdin
  .on('end', () => {
    clearInterval(timer);
    is_over = true;
    if (under_way === 0) finish();
  })
  .resume();

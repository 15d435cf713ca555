/**
 * The load generator as a process of its own: `node generate.js PORT KEY BATCH_EVENTS SECONDS SEED CONNECTIONS RATE SOURCE` plays a
 * fleet as `penstock load` does, or what SOURCE says, and prints one line, a `Generated`. RATE is events per second, 0 as fast as it goes.
 */

import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { FleetTraffic } from '../../src/cli/load/fleet_traffic.ts';
import { type LoadPlan, LoadRun } from '../../src/cli/load/load_run.ts';
import { PipelineTraffic } from '../../src/cli/load/pipeline_traffic.ts';
import { SeededRandom } from '../../src/cli/load/seeded_random.ts';
import { WebhookTraffic } from '../../src/cli/load/webhook_traffic.ts';
import { SOURCE_NAMES } from './options.ts';

export interface Generated {
  readonly acknowledged_requests: number;
  readonly acknowledged_events: number;
  readonly rejected_events: number;
  readonly retries: number;
  readonly duration_ms: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Processor time of the generator while it sent, microseconds. */
  readonly cpu_us: number;
  /** Why it ended early, or null. */
  readonly stopped: string | null;
}

const DEVICES = 100_000;
const WARM_UP_SECONDS = 1;

const [port, key, batch_events, seconds_max, seed, connections, rate, source_name] = process.argv.slice(2);
const plan: LoadPlan = {
  address: { host: '127.0.0.1', port: Number(port) },
  key: String(key),
  seed: Number(seed),
  devices: DEVICES,
  connections: Number(connections),
  rate_events_per_s: Number(rate),
  batch_events: Number(batch_events),
  seconds_max: Number(seconds_max),
  events_max: Number.POSITIVE_INFINITY,
  transport: 'http',
  encoding: 'json',
  network: 'good',
};
const MAKERS = {
  deploy_report: () => new FleetTraffic(plan),
  release_events: () => new PipelineTraffic(plan),
  crash_webhooks: () => new WebhookTraffic(plan),
};
const source = SOURCE_NAMES.find((name) => name === source_name) ?? 'deploy_report';
const traffic = MAKERS[source]();
const ports = { clock: SYSTEM_CLOCK, random: new SeededRandom(plan.seed) };
// At a rate the latencies count, and a generator whose code is still cold waits for itself: its first second is not measured.
if (plan.rate_events_per_s > 0) await new LoadRun({ ...plan, seconds_max: WARM_UP_SECONDS }, ports, traffic).run();
const run = new LoadRun(plan, ports, traffic);
const before = process.cpuUsage();
const { tally, duration_ms, stopped } = await run.run();
const used = process.cpuUsage(before);
const generated: Generated = {
  acknowledged_requests: tally.latencies.count(),
  acknowledged_events: tally.acknowledged_events,
  rejected_events: tally.rejected_events,
  retries: tally.retries,
  duration_ms,
  p50_ms: tally.latencies.quantileUs(0.5) / 1000,
  p99_ms: tally.latencies.quantileUs(0.99) / 1000,
  cpu_us: used.user + used.system,
  stopped: stopped ?? null,
};
process.stdout.write(`${JSON.stringify(generated)}\n`);

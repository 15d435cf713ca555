/**
 * The latency that a sender meets while there is room: at half of what the machine takes. That is one of two rates. What reaches ClickHouse as fast as
 * it comes can go on for ever. What is acknowledged at most goes on until the spool is full; where ClickHouse is on the same machine, half of it can
 * already be more than the machine sustains.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Children } from './child.ts';
import { askClickHouse } from './clickhouse.ts';
import { type Contestant, generate, measure, type Sample } from './measure.ts';
import { waitUntilQuiet } from './process_usage.ts';
import type { Server } from './servers.ts';
import type { HalfLoad, HalfLoads } from './targets.ts';

/** Shares of the most that is acknowledged, from the top. */
const SHARES = [1, 0.75, 0.6, 0.5, 0.4, 0.3, 0.2];
/** What was acknowledged last is sealed after a second, and in ClickHouse with the INSERT after that. */
const LANDED_MS_MAX = 3000;
const LANDED_POLL_MS = 100;
/** A backlog is gone before the next try, and so are merges: more of them are under way, or wait, than a load of that rate makes. */
const CLEARED_MS_MAX = 60_000;
const MERGE_POLL_MS = 500;
/** Between two merges there is none for a moment. */
const MERGED_POLLS = 4;
/** A backlog is to be seen as one. */
const SUSTAINED_SECONDS = 6;
/** Beyond the seeds of all rounds. */
const SUSTAINED_SEEDS = 1_000_000;
const HALF_SUSTAINED_SEEDS = 2_000_000;
const HALF_ACKNOWLEDGED_SEEDS = 3_000_000;

export interface LatencyPlan {
  readonly rounds: number;
  readonly seconds: number;
  readonly seed: number;
  /** All that have a ClickHouse on the machine: what the loads before left it to merge is not part of these. */
  readonly merging: readonly Server[];
}

/** Events a second that the contestant acknowledged in its rounds, which are among the samples. */
export function fullRate({ server, batch_events }: Contestant, samples: readonly Sample[]): number {
  const own = samples.filter((sample) => sample.server === server.name && sample.batch_events === batch_events);
  const rates = own.map(({ generated }) => generated.acknowledged_events / (generated.duration_ms / 1000));
  return rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
}

/** The latency at half of either rate, given what is acknowledged at most. */
export async function measureHalfLoads(
  children: Children,
  contestant: Contestant,
  full_rate_per_s: number,
  plan: LatencyPlan,
  say: (line: string) => void,
): Promise<HalfLoads> {
  const half_of = async (rate_per_s: number, seeds: number): Promise<HalfLoad> => {
    const events_per_s = rate_per_s / 2;
    return { events_per_s, p99s_ms: await measureLatency(children, contestant, events_per_s, { ...plan, seed: plan.seed + seeds }) };
  };
  const sustained_per_s = await measureSustainedRate(children, contestant, full_rate_per_s, plan.seed);
  say(`sustained into ClickHouse: ${Math.round(sustained_per_s).toLocaleString('en-US')} events/s`);
  return {
    sustained: await half_of(sustained_per_s, HALF_SUSTAINED_SEEDS),
    acknowledged: await half_of(full_rate_per_s, HALF_ACKNOWLEDGED_SEEDS),
  };
}

/** The highest of the rates tried, events a second, at which ClickHouse had all of it soon after the load's end. */
async function measureSustainedRate(children: Children, contestant: Contestant, full_rate_per_s: number, seed: number): Promise<number> {
  const { server, batch_events } = contestant;
  for (const [index, share] of SHARES.entries()) {
    await waitUntilQuiet(server.child.pid, server.quiet_ms);
    const rows_before = await countRows(server);
    const { acknowledged_events, duration_ms } = await generate(children, server, {
      source: 'deploy_report',
      batch_events,
      seed: seed + SUSTAINED_SEEDS + index,
      seconds: SUSTAINED_SECONDS,
      rate_events_per_s: Math.round(full_rate_per_s * share),
    });
    if ((await waitForRows(server, rows_before + acknowledged_events)) <= LANDED_MS_MAX) return acknowledged_events / (duration_ms / 1000);
  }
  throw new Error('ClickHouse does not keep up with a fifth of what is acknowledged');
}

/** The 99th percentile of each round at a rate, milliseconds. */
async function measureLatency(children: Children, contestant: Contestant, rate_per_s: number, plan: LatencyPlan): Promise<number[]> {
  const p99s_ms: number[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    for (const server of plan.merging) await waitUntilMerged(server);
    const load = { seed: plan.seed + round, seconds: plan.seconds, rate_events_per_s: Math.round(rate_per_s) };
    p99s_ms.push((await measure(children, contestant, round, load)).generated.p99_ms);
  }
  return p99s_ms;
}

async function countRows(server: Server): Promise<number> {
  return Number(await askClickHouse(server, 'SELECT count() FROM penstock.deploy_events'));
}

async function waitUntilMerged(server: Server): Promise<void> {
  const start_ms = performance.now();
  for (let polls = 0; polls < MERGED_POLLS && performance.now() - start_ms < CLEARED_MS_MAX; polls++) {
    if (Number(await askClickHouse(server, 'SELECT count() FROM system.merges')) > 0) polls = 0;
    await sleep(MERGE_POLL_MS);
  }
}

/** How long it took from now until ClickHouse had so many, milliseconds. */
async function waitForRows(server: Server, rows: number): Promise<number> {
  const start_ms = performance.now();
  while ((await countRows(server)) < rows) {
    if (performance.now() - start_ms > CLEARED_MS_MAX)
      throw new Error(`what was acknowledged is not in ClickHouse ${CLEARED_MS_MAX / 1000} s later`);
    await sleep(LANDED_POLL_MS);
  }
  return performance.now() - start_ms;
}

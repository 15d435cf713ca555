/** Rounds of equal loads against each server in turn, so that whatever else the machine does meets all of them alike. */
import { fileURLToPath } from 'node:url';
import type { Children } from './child.ts';
import type { Generated } from './generate.ts';
import { CONNECTIONS, type SourceName } from './options.ts';
import { readCpuUs, waitUntilQuiet } from './process_usage.ts';
import type { Server, ServerName } from './servers.ts';

/** One load against one server. */
export interface Sample {
  readonly server: ServerName;
  readonly batch_events: number;
  /** From 0. */
  readonly round: number;
  /** Processor time of the server for this load, what it left behind included, microseconds. */
  readonly server_cpu_us: number;
  readonly generated: Generated;
}

/** A server, and the size of batch that it is loaded with. */
export interface Contestant {
  readonly server: Server;
  readonly batch_events: number;
}

const GENERATOR_PATH = fileURLToPath(new URL('generate.js', import.meta.url));
/** What compiling takes is over by then (a daemon's takes a fifth of a microsecond an event after six seconds): one runs for weeks. */
const WARM_UP_SECONDS = 20;
/** A load ends at most so long after its seconds: the wait for its last answers. */
const GENERATOR_MS_MAX = 70_000;

interface Load {
  readonly seed: number;
  readonly seconds: number;
  /** 0: as fast as it goes. */
  readonly rate_events_per_s: number;
}

/** A load, and what it is of. */
export interface SourceLoad extends Load {
  readonly source: SourceName;
  readonly batch_events: number;
  readonly connections?: number;
}

/** Plays a load in a process of its own; rejects when it was not played to its end. */
export async function generate(children: Children, server: Server, load: SourceLoad): Promise<Generated> {
  const { source, batch_events, seconds, seed, rate_events_per_s, connections = CONNECTIONS } = load;
  const argv = [GENERATOR_PATH, server.port, server.key, batch_events, seconds, seed, connections, rate_events_per_s, source].map(String);
  const line = await children.start('the load generator', argv).finish(seconds * 1000 + GENERATOR_MS_MAX);
  const generated: Generated = JSON.parse(line);
  if (generated.stopped !== null) throw new Error(`the load on ${server.name} ended early: ${generated.stopped}`);
  return generated;
}

/** Loads a server once; `seed` must differ from load to load, lest the events are re-deliveries. */
export async function measure(children: Children, contestant: Contestant, round: number, load: Load): Promise<Sample> {
  const { server, batch_events } = contestant;
  server.child.checkRunning();
  await waitUntilQuiet(server.child.pid, server.quiet_ms);
  const before_us = await readCpuUs(server.child.pid);
  const generated = await generate(children, server, { ...load, source: 'deploy_report', batch_events });
  await waitUntilQuiet(server.child.pid, server.quiet_ms);
  server.child.checkRunning();
  return { server: server.name, batch_events, round, server_cpu_us: (await readCpuUs(server.child.pid)) - before_us, generated };
}

/** Warms every contestant up, then measures each once per round. */
export async function measureRounds(
  children: Children,
  contestants: readonly Contestant[],
  plan: { readonly rounds: number; readonly seconds: number; readonly seed: number },
  say: (line: string) => void,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  let seed = plan.seed;
  for (let round = -1; round < plan.rounds; round++) {
    for (const contestant of contestants) {
      const sample = await measure(children, contestant, round, {
        seed: seed++,
        seconds: round < 0 ? WARM_UP_SECONDS : plan.seconds,
        rate_events_per_s: 0,
      });
      if (round >= 0) samples.push(sample);
      const rate = Math.round(sample.generated.acknowledged_events / (sample.generated.duration_ms / 1000)).toLocaleString('en-US');
      say(
        `${round < 0 ? 'warm-up' : `round ${round + 1}`}  ${sample.server.padEnd(13)}  ${sample.batch_events} events/request  ${rate} events/s`,
      );
    }
  }
  return samples;
}

/**
 * Loads of requests that bring one event each: pipelines, every one with a version claimed, and webhooks of two kilobytes; each event is a
 * record of its own on the disk. The targets are absolute, for a machine of two cores that has nothing else to do; generator and ClickHouse run on the same cores.
 */
import { median } from '../micro/measure.ts';
import type { Children } from './child.ts';
import type { Generated } from './generate.ts';
import { generate } from './measure.ts';
import type { SourceName } from './options.ts';
import { readCpuUs, waitUntilQuiet } from './process_usage.ts';
import { type Server, startDaemon } from './servers.ts';
import { formatTable, formatVerdict } from './table.ts';

export type SinglesSource = Exclude<SourceName, 'deploy_report'>;

interface Targets {
  readonly key_use: 'events' | 'webhook';
  /** As fast as it goes. */
  readonly events_per_s_min: number;
  /** At half of that. */
  readonly p99_ms_max: number;
}

const TARGETS: Readonly<Record<SinglesSource, Targets>> = {
  release_events: { key_use: 'events', events_per_s_min: 5_000, p99_ms_max: 25 },
  crash_webhooks: { key_use: 'webhook', events_per_s_min: 10_000, p99_ms_max: 100 },
};

const PACES = ['as fast as it goes', 'at half the target'] as const;

/** Medians over the rounds. */
export interface SingleSummary {
  readonly pace: (typeof PACES)[number];
  readonly events_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly cpu_us_per_event: number;
  readonly generator_cpu_us_per_event: number;
}

export interface SinglesReport {
  readonly source: SinglesSource;
  readonly summaries: readonly SingleSummary[];
  readonly verdicts: readonly { readonly what: string; readonly is_met: boolean }[];
}

export interface Measured {
  readonly generated: Generated;
  readonly server_cpu_us: number;
}

/** Warms the daemon up, then loads it at both paces, once each per round. */
export async function measureSingles(
  children: Children,
  directory: string,
  plan: { readonly source: SinglesSource; readonly rounds: number; readonly seconds: number; readonly connections: number },
  say: (line: string) => void,
): Promise<SinglesReport> {
  const { source, seconds, connections } = plan;
  const { key_use, events_per_s_min } = TARGETS[source];
  const server = await startDaemon(children, directory, 'disk', key_use);
  const seed = Date.now();
  const measured = PACES.map((): Measured[] => []);
  for (let round = -1; round < plan.rounds; round++) {
    for (const [index, pace] of PACES.entries()) {
      const load = { source, batch_events: 1, seconds, connections, rate_events_per_s: index === 0 ? 0 : events_per_s_min / 2 };
      const sample = await measureLoad(children, server, { ...load, seed: seed + 2 * (round + 1) + index });
      if (round >= 0) measured[index].push(sample);
      const { p99_ms, ...generated } = sample.generated;
      say(
        `${round < 0 ? 'warm-up' : `round ${round + 1}`}  ${pace}  ${Math.round(rateOf(generated))} events/s  p99 ${p99_ms.toFixed(1)} ms`,
      );
    }
  }
  return judge(
    source,
    PACES.map((pace, index) => summarize(pace, measured[index])),
  );
}

/** Loads a daemon once, and waits until it has dealt with it. */
export async function measureLoad(children: Children, server: Server, load: Parameters<typeof generate>[2]): Promise<Measured> {
  await waitUntilQuiet(server.child.pid, server.quiet_ms);
  const before_us = await readCpuUs(server.child.pid);
  const generated = await generate(children, server, load);
  await waitUntilQuiet(server.child.pid, server.quiet_ms);
  return { generated, server_cpu_us: (await readCpuUs(server.child.pid)) - before_us };
}

export function rateOf({ acknowledged_events, duration_ms }: Pick<Generated, 'acknowledged_events' | 'duration_ms'>): number {
  return acknowledged_events / (duration_ms / 1000);
}

function summarize(pace: SingleSummary['pace'], measured: readonly Measured[]): SingleSummary {
  const median_of = (figure: (sample: Measured) => number): number => median(measured.map(figure));
  return {
    pace,
    events_per_s: median_of(({ generated }) => rateOf(generated)),
    p50_ms: median_of(({ generated }) => generated.p50_ms),
    p99_ms: median_of(({ generated }) => generated.p99_ms),
    cpu_us_per_event: median_of(({ generated, server_cpu_us }) => server_cpu_us / generated.acknowledged_events),
    generator_cpu_us_per_event: median_of(({ generated }) => generated.cpu_us / generated.acknowledged_events),
  };
}

function judge(source: SinglesSource, summaries: readonly SingleSummary[]): SinglesReport {
  const [fast, half] = summaries;
  const { events_per_s_min, p99_ms_max } = TARGETS[source];
  return {
    source,
    summaries,
    verdicts: [
      { what: `at least ${events_per_s_min} acknowledged events/s`, is_met: fast.events_per_s >= events_per_s_min },
      { what: `p99 at most ${p99_ms_max} ms at ${events_per_s_min / 2} events/s`, is_met: half.p99_ms <= p99_ms_max },
    ],
  };
}

export function formatSingles({ source, summaries, verdicts }: SinglesReport): string {
  const rows = summaries.map(({ pace, ...figures }) => [
    pace,
    Math.round(figures.events_per_s).toLocaleString('en-US'),
    figures.p50_ms.toFixed(1),
    figures.p99_ms.toFixed(1),
    figures.cpu_us_per_event.toFixed(1),
    figures.generator_cpu_us_per_event.toFixed(1),
  ]);
  const header = [source, 'events/s', 'p50 ms', 'p99 ms', 'CPU us/event', 'generator us/event'];
  const judged = verdicts.map(({ what, is_met }) => formatVerdict(what, is_met));
  return `${formatTable({ header, rows })}\n${judged.join('')}`;
}

/**
 * The load of pipelines: requests that bring one event each, every one with a version claimed and a record of its own on the disk. Its
 * targets are absolute, for a machine of two cores that has nothing else to do; generator and ClickHouse run on the same cores.
 */
import type { Children } from './child.ts';
import type { Generated } from './generate.ts';
import { generate } from './measure.ts';
import { readCpuUs, waitUntilQuiet } from './process_usage.ts';
import { type Server, startDaemon } from './servers.ts';
import { formatTable } from './table.ts';
import { median } from './targets.ts';

/** As fast as it goes. */
const EVENTS_PER_S_MIN = 5000;
/** At half of that. */
const P99_MS_MAX = 25;
const PACES = [
  { pace: 'as fast as it goes', rate_events_per_s: 0 },
  { pace: 'at half the target', rate_events_per_s: EVENTS_PER_S_MIN / 2 },
] as const;

/** Medians over the rounds. */
export interface SingleSummary {
  readonly pace: (typeof PACES)[number]['pace'];
  readonly events_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly cpu_us_per_event: number;
  readonly generator_cpu_us_per_event: number;
}

export interface SinglesReport {
  readonly summaries: readonly SingleSummary[];
  readonly verdicts: readonly { readonly what: string; readonly is_met: boolean }[];
}

interface Measured {
  readonly generated: Generated;
  readonly server_cpu_us: number;
}

/** Warms the daemon up, then loads it at both paces, once each per round. */
export async function measureSingles(
  children: Children,
  directory: string,
  plan: { readonly rounds: number; readonly seconds: number },
  say: (line: string) => void,
): Promise<SinglesReport> {
  const server = await startDaemon(children, directory, 'disk', 'events');
  const seed = Date.now();
  const measured = PACES.map((): Measured[] => []);
  for (let round = -1; round < plan.rounds; round++) {
    for (const [index, { pace, rate_events_per_s }] of PACES.entries()) {
      const load = { source: 'release_events', batch_events: 1, seconds: plan.seconds, rate_events_per_s } as const;
      const sample = await measure(children, server, { ...load, seed: seed + 2 * (round + 1) + index });
      if (round >= 0) measured[index].push(sample);
      const { p99_ms, ...generated } = sample.generated;
      say(
        `${round < 0 ? 'warm-up' : `round ${round + 1}`}  ${pace}  ${Math.round(rateOf(generated))} events/s  p99 ${p99_ms.toFixed(1)} ms`,
      );
    }
  }
  return judge(PACES.map(({ pace }, index) => summarize(pace, measured[index])));
}

async function measure(children: Children, server: Server, load: Parameters<typeof generate>[2]): Promise<Measured> {
  await waitUntilQuiet(server.child.pid, server.quiet_ms);
  const before_us = await readCpuUs(server.child.pid);
  const generated = await generate(children, server, load);
  await waitUntilQuiet(server.child.pid, server.quiet_ms);
  return { generated, server_cpu_us: (await readCpuUs(server.child.pid)) - before_us };
}

function rateOf({ acknowledged_events, duration_ms }: Pick<Generated, 'acknowledged_events' | 'duration_ms'>): number {
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

function judge(summaries: readonly SingleSummary[]): SinglesReport {
  const [fast, half] = summaries;
  return {
    summaries,
    verdicts: [
      { what: `at least ${EVENTS_PER_S_MIN} acknowledged events/s`, is_met: fast.events_per_s >= EVENTS_PER_S_MIN },
      { what: `p99 at most ${P99_MS_MAX} ms at ${EVENTS_PER_S_MIN / 2} events/s`, is_met: half.p99_ms <= P99_MS_MAX },
    ],
  };
}

export function formatSingles({ summaries, verdicts }: SinglesReport): string {
  const rows = summaries.map(({ pace, ...figures }) => [
    pace,
    Math.round(figures.events_per_s).toLocaleString('en-US'),
    figures.p50_ms.toFixed(1),
    figures.p99_ms.toFixed(1),
    figures.cpu_us_per_event.toFixed(1),
    figures.generator_cpu_us_per_event.toFixed(1),
  ]);
  const header = ['release_events', 'events/s', 'p50 ms', 'p99 ms', 'CPU us/event', 'generator us/event'];
  const judged = verdicts.map(({ what, is_met }) => `${is_met ? 'met     ' : 'MISSED  '}${what}\n`);
  return `${formatTable({ header, rows })}\n${judged.join('')}`;
}

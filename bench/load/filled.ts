/**
 * A daemon whose registry holds many versions already beside one whose registry is empty: how long each takes until it is ready, and at what
 * rate each takes the events of pipelines, in turns. The versions are of the products that the load is about, so that what it
 * claims falls between them.
 */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../micro/measure.ts';
import { fillRegistry, versionRequest } from '../registry/fill.ts';
import type { Children } from './child.ts';
import { type Server, startDaemon } from './servers.ts';
import { measureLoad, rateOf } from './singles.ts';
import { formatTable, formatVerdict } from './table.ts';

/** As the load has them. */
const PRODUCTS = 200;
const STARTS = 3;
const OPENING_MS_MAX = 1000;
const RATIO_MIN = 0.9;
const NAMES = ['empty registry', 'filled registry'] as const;

export interface FilledSummary {
  readonly name: (typeof NAMES)[number];
  /** Medians over starts and rounds. */
  readonly ready_ms: number;
  readonly events_per_s: number;
  readonly p99_ms: number;
  readonly cpu_us_per_event: number;
}

export interface FilledReport {
  readonly versions: number;
  readonly summaries: readonly FilledSummary[];
  readonly verdicts: readonly { readonly what: string; readonly is_met: boolean }[];
}

export async function measureFilled(
  children: Children,
  directory: string,
  plan: { readonly versions: number; readonly rounds: number; readonly seconds: number },
  say: (line: string) => void,
): Promise<FilledReport> {
  const { versions, rounds, seconds } = plan;
  const directories = NAMES.map((_, index) => join(directory, String(index)));
  await fillRegistry(join(directories[1], 'disk', 'registry'), versions, (number) =>
    versionRequest('bench', 'build_events', {
      product_name: `service-${number % PRODUCTS}`,
      version: `1.0.${Math.floor(number / PRODUCTS)}`,
      scm_sha: `sha of ${number}`,
    }),
  );
  say(`${versions} versions are in the registry`);
  const { servers, ready_ms } = await startInTurns(children, directories);
  const measured = NAMES.map((): Awaited<ReturnType<typeof measureLoad>>[] => []);
  const seed = Date.now();
  for (let round = -1; round < rounds; round++) {
    for (const [index, server] of servers.entries()) {
      const load = {
        source: 'release_events',
        batch_events: 1,
        seconds,
        rate_events_per_s: 0,
        seed: seed + 2 * (round + 1) + index,
      } as const;
      const sample = await measureLoad(children, server, load);
      if (round >= 0) measured[index].push(sample);
      say(`${round < 0 ? 'warm-up' : `round ${round + 1}`}  ${NAMES[index]}  ${Math.round(rateOf(sample.generated))} events/s`);
    }
  }
  const summaries = NAMES.map((name, index) => ({
    name,
    ready_ms: median(ready_ms[index]),
    events_per_s: median(measured[index].map(({ generated }) => rateOf(generated))),
    p99_ms: median(measured[index].map(({ generated }) => generated.p99_ms)),
    cpu_us_per_event: median(measured[index].map(({ generated, server_cpu_us }) => server_cpu_us / generated.acknowledged_events)),
  }));
  return { versions, summaries, verdicts: judge(summaries) };
}

/** Starts each daemon several times, one after the other, and leaves the last ones running. */
async function startInTurns(children: Children, directories: readonly string[]): Promise<{ servers: Server[]; ready_ms: number[][] }> {
  const ready_ms = directories.map((): number[] => []);
  const servers: Server[] = [];
  for (let start = 0; start < STARTS; start++) {
    for (const [index, directory] of directories.entries()) {
      const server = await startDaemon(children, directory, 'disk', 'events');
      ready_ms[index].push(server.ready_ms);
      if (start === STARTS - 1) servers.push(server);
      else await server.child.stop();
      await sleep(server.quiet_ms);
    }
  }
  return { servers, ready_ms };
}

function judge([empty, filled]: readonly FilledSummary[]): FilledReport['verdicts'] {
  const opening_ms = filled.ready_ms - empty.ready_ms;
  const ratio = filled.events_per_s / empty.events_per_s;
  return [
    {
      what: `ready at most ${OPENING_MS_MAX} ms later than with an empty registry: ${Math.round(opening_ms)} ms`,
      is_met: opening_ms <= OPENING_MS_MAX,
    },
    { what: `at least ${RATIO_MIN} times the rate of an empty registry: ${ratio.toFixed(2)}`, is_met: ratio >= RATIO_MIN },
  ];
}

export function formatFilled({ versions, summaries, verdicts }: FilledReport): string {
  const rows = summaries.map(({ name, ready_ms, events_per_s, p99_ms, cpu_us_per_event }) => [
    name,
    Math.round(ready_ms).toLocaleString('en-US'),
    Math.round(events_per_s).toLocaleString('en-US'),
    p99_ms.toFixed(1),
    cpu_us_per_event.toFixed(1),
  ]);
  const header = [`${versions} versions`, 'ready ms', 'events/s', 'p99 ms', 'CPU us/event'];
  return `${formatTable({ header, rows })}\n${verdicts.map(({ what, is_met }) => formatVerdict(what, is_met)).join('')}`;
}

/** The targets, and what the samples say to each: always ratios within one run, since machines differ and bad hours too. */
import type { KernelFigures } from '../micro/kernel.ts';
import { median } from '../micro/measure.ts';
import type { Sample } from './measure.ts';
import type { ServerName } from './servers.ts';

/** What was measured of a target; `missing` when the run did not include what it needs. */
export type Measured = { readonly kind: 'value'; readonly value: number } | { readonly kind: 'missing' };

export interface Verdict {
  readonly what: string;
  readonly unit: 'x' | 'MB' | 'ms' | 'ns/byte';
  readonly target_max: number;
  readonly measured: Measured;
  /** True when the target is met or was not measured. */
  readonly met: boolean;
}

/** At half of a rate: the rate halved, events a second, and the 99th percentile of each round. */
export interface HalfLoad {
  readonly events_per_s: number;
  readonly p99s_ms: readonly number[];
}

export interface HalfLoads {
  /** Of what reaches ClickHouse as fast as it comes. */
  readonly sustained: HalfLoad;
  /** Of what is acknowledged at most. */
  readonly acknowledged: HalfLoad;
}

export interface Measurements {
  readonly samples: readonly Sample[];
  /** Of the daemon before its first load, without the engine's process. */
  readonly resident_bytes_at_rest: number;
  /** Of 100-event batches, undefined when not measured. */
  readonly half_loads: HalfLoads | undefined;
  /** Undefined when not measured. */
  readonly kernel: KernelFigures | undefined;
  /** Time for the same slabs as a share of one worker's; undefined when not measured. */
  readonly two_workers_share: number | undefined;
}

/** The figures of one server at one size of batch: medians over the rounds. */
export interface Summary {
  readonly server: ServerName;
  readonly batch_events: number;
  readonly cpu_us_per_request: number;
  readonly cpu_us_per_event: number;
  readonly events_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly generator_cpu_us_per_request: number;
  readonly generator_cpu_us_per_event: number;
  readonly retries: number;
}

const MB = 1e6;

const RAW_RATIO_MAX_AT_100_EVENTS = 4;
const RAW_RATIO_MAX_AT_1_EVENT = 2.5;
const FASTIFY_RATIO_MAX_AT_100_EVENTS = 0.125;
const FASTIFY_RATIO_MAX_AT_1_EVENT = 0.25;
const ACK_DISK_RATIO_MAX = 1.25;
const RESIDENT_MB_MAX = 150;
const HALF_LOAD_P99_MS_MAX = 20;
const KERNEL_RATIO_MAX = 0.2;
/** A gigabyte a second. */
const KERNEL_NS_PER_BYTE_MAX = 1;
/** 1.7 times as fast. */
const TWO_WORKERS_SHARE_MAX = 1 / 1.7;

export function judgeTargets({ samples, resident_bytes_at_rest, half_loads, kernel, two_workers_share }: Measurements): Verdict[] {
  const measured = (value: number | undefined): Measured => (value === undefined ? { kind: 'missing' } : { kind: 'value', value });
  const ratio = (what: string, target_max: number, value: number | undefined): Verdict => judge(what, 'x', target_max, measured(value));
  return [
    ratio('CPU per event, 100-event batches, against raw', RAW_RATIO_MAX_AT_100_EVENTS, cpuRatio(samples, 'daemon', 'raw', 100)),
    ratio('CPU per request, 1-event batches, against raw', RAW_RATIO_MAX_AT_1_EVENT, cpuRatio(samples, 'daemon', 'raw', 1)),
    ratio(
      'CPU per event, 100-event batches, against the Fastify peer',
      FASTIFY_RATIO_MAX_AT_100_EVENTS,
      cpuRatio(samples, 'daemon', 'fastify', 100),
    ),
    ratio(
      'CPU per request, 1-event batches, against the Fastify peer',
      FASTIFY_RATIO_MAX_AT_1_EVENT,
      cpuRatio(samples, 'daemon', 'fastify', 1),
    ),
    ratio('CPU with ack disk against ack memory, 100-event batches', ACK_DISK_RATIO_MAX, cpuRatio(samples, 'daemon', 'daemon_memory', 100)),
    judgeHalfLoad('what it sustains into ClickHouse', half_loads?.sustained),
    judgeHalfLoad('what it acknowledges at most', half_loads?.acknowledged),
    judge('memory at rest, without the engine', 'MB', RESIDENT_MB_MAX, measured(resident_bytes_at_rest / MB)),
    ratio('kernel, bytes to block, against JSON.parse of the same bytes', KERNEL_RATIO_MAX, kernel?.ratio),
    judge('kernel, bytes to block, on one core', 'ns/byte', KERNEL_NS_PER_BYTE_MAX, measured(kernel?.ns_per_byte)),
    ratio('time for the same slabs, two workers against one (needs three cores)', TWO_WORKERS_SHARE_MAX, two_workers_share),
  ];
}

function judgeHalfLoad(of_what: string, load: HalfLoad | undefined): Verdict {
  const rate = load === undefined ? '' : ` (${Math.round(load.events_per_s).toLocaleString('en-US')} events/s)`;
  const measured: Measured = load === undefined ? { kind: 'missing' } : { kind: 'value', value: median(load.p99s_ms) };
  return judge(`p99 latency at half of ${of_what}${rate}, 100-event batches`, 'ms', HALF_LOAD_P99_MS_MAX, measured);
}

/** One summary for each server and size of batch, in the order in which they were measured. */
export function summarize(samples: readonly Sample[]): Summary[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const name = `${sample.server} ${sample.batch_events}`;
    groups.set(name, [...(groups.get(name) ?? []), sample]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [summarizeGroup(first, group)];
  });
}

function summarizeGroup({ server, batch_events }: Sample, group: readonly Sample[]): Summary {
  const median_of = (figure: (sample: Sample) => number): number => median(group.map(figure));
  return {
    server,
    batch_events,
    cpu_us_per_request: median_of((sample) => sample.server_cpu_us / sample.generated.acknowledged_requests),
    cpu_us_per_event: median_of(cpuUsPerEvent),
    events_per_s: median_of(({ generated }) => generated.acknowledged_events / (generated.duration_ms / 1000)),
    p50_ms: median_of(({ generated }) => generated.p50_ms),
    p99_ms: median_of(({ generated }) => generated.p99_ms),
    generator_cpu_us_per_request: median_of(({ generated }) => generated.cpu_us / generated.acknowledged_requests),
    generator_cpu_us_per_event: median_of(({ generated }) => generated.cpu_us / generated.acknowledged_events),
    retries: group.reduce((sum, { generated }) => sum + generated.retries, 0),
  };
}

/** The median over the rounds of what `server` used per event, as a multiple of what `base` used in the same round. */
function cpuRatio(samples: readonly Sample[], server: ServerName, base: ServerName, batch_events: number): number | undefined {
  const find = (name: ServerName, round: number): Sample | undefined =>
    samples.find((sample) => sample.server === name && sample.round === round && sample.batch_events === batch_events);
  const rounds = new Set(samples.map((sample) => sample.round));
  const ratios = [...rounds].flatMap((round) => {
    const [above, below] = [find(server, round), find(base, round)];
    return above === undefined || below === undefined ? [] : [cpuUsPerEvent(above) / cpuUsPerEvent(below)];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

function cpuUsPerEvent({ server_cpu_us, generated }: Sample): number {
  return server_cpu_us / generated.acknowledged_events;
}

function judge(what: string, unit: Verdict['unit'], target_max: number, measured: Measured): Verdict {
  return { what, unit, target_max, measured, met: measured.kind === 'missing' || measured.value <= target_max };
}

/** Measures stages with tinybench, in rounds that take turns, so that a noisy moment of the machine meets all of them. */
import { Bench } from 'tinybench';
import type { Stage } from './stages.ts';

export interface Measured {
  readonly name: string;
  /** Median over the rounds of each round's median. */
  readonly ns_per_event: number;
  /** Median over the rounds of this stage's time to that round's reference. */
  readonly ratio: number;
}

export interface MeasureOptions {
  readonly reference: string;
  readonly rounds: number;
  readonly time_ms: number;
}

/** The middle value; the mean of the two in the middle of an even number. `values` has at least one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** One round: nanoseconds per event by name. */
async function measureRound(stages: readonly Stage[], time_ms: number): Promise<Map<string, number>> {
  const bench = new Bench({ time: time_ms, warmupTime: time_ms / 4 });
  for (const stage of stages) bench.add(stage.name, () => stage.run());
  await bench.run();
  return new Map(
    stages.map((stage) => {
      const result = bench.getTask(stage.name)?.result;
      if (result === undefined || !('latency' in result)) throw new Error(`the benchmark ${stage.name} gave no result`);
      return [stage.name, (result.latency.p50 * 1e6) / stage.events];
    }),
  );
}

export async function measure(stages: readonly Stage[], options: MeasureOptions): Promise<Measured[]> {
  const rounds: Map<string, number>[] = [];
  for (let round = 0; round < options.rounds; round++) rounds.push(await measureRound(stages, options.time_ms));
  return stages.map(({ name }) => {
    const times = rounds.map((round) => round.get(name) ?? Number.NaN);
    const ratios = rounds.map((round) => (round.get(name) ?? Number.NaN) / (round.get(options.reference) ?? Number.NaN));
    return { name, ns_per_event: median(times), ratio: median(ratios) };
  });
}

export function table(results: readonly Measured[], reference: string): string {
  const width = Math.max(...results.map(({ name }) => name.length));
  const lines = results.map(
    ({ name, ns_per_event, ratio }) => `${name.padEnd(width)}  ${ns_per_event.toFixed(0).padStart(9)}  ${ratio.toFixed(2).padStart(8)}`,
  );
  return [`${'stage'.padEnd(width)}  ${'ns/event'.padStart(9)}  ${`× ${reference}`.padStart(8)}`, ...lines, ''].join('\n');
}

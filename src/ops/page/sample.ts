/** What the live page shows of the daemon: how it stands now, and what went through in one second. Made of two readings; keeps nothing. */
import { isBalanced, type LedgerAnswer } from '../../contract/ledger.ts';
import type { HealthReport } from '../health.ts';
import type { DeliveryReadings } from '../metrics/delivery_metrics.ts';
import type { IngestReadings } from '../metrics/ingest_metrics.ts';
import type { SpoolReadings } from '../metrics/spool_metrics.ts';
import type { Tally } from '../telemetry.ts';

/** All that is looked at, at one moment. */
export interface Reading {
  /** Milliseconds since the epoch. */
  readonly time_ms: number;
  /** Milliseconds since some start; never goes back. */
  readonly monotonic_ms: number;
  readonly tally: Tally;
  readonly ingest: IngestReadings;
  readonly spool: SpoolReadings;
  readonly delivery: DeliveryReadings;
  readonly health: HealthReport;
  /** Undefined while segments of an earlier run are not counted yet. */
  readonly ledger: LedgerAnswer | undefined;
}

/** One point of the charts. */
export interface Sample {
  readonly time_ms: number;
  readonly accepted_per_s: number;
  readonly rejected_per_s: number;
  readonly delivered_per_s: number;
  /** Null in a second without an answer. */
  readonly latency_p50_ms: number | null;
  readonly latency_p99_ms: number | null;
  readonly lag_s: number;
  readonly spool_bytes: number;
}

/** How the daemon stands. */
export interface State {
  readonly health: HealthReport;
  readonly accepted: number;
  readonly rejected: Readonly<Record<string, number>>;
  readonly delivered: number;
  readonly requests_in_flight: number;
  readonly workers: { readonly threads: number; readonly running: number; readonly queued: number; readonly deaths: number };
  readonly lanes: readonly { readonly table: string; readonly state: string }[];
  readonly dead_letters: Readonly<Record<string, number>>;
  readonly ledger: (LedgerAnswer & { readonly balanced: boolean }) | null;
}

export function sampleBetween(before: Reading, now: Reading): Sample {
  const seconds = Math.max(0.001, (now.monotonic_ms - before.monotonic_ms) / 1000);
  const per_second = (from: number, to: number): number => Math.max(0, Math.round((10 * (to - from)) / seconds) / 10);
  const answered = durationsBetween(before.tally.durations, now.tally.durations);
  return {
    time_ms: now.time_ms,
    accepted_per_s: per_second(before.tally.accepted, now.tally.accepted),
    rejected_per_s: per_second(total(before.tally.rejected), total(now.tally.rejected)),
    delivered_per_s: per_second(before.tally.delivered, now.tally.delivered),
    latency_p50_ms: quantileMs(answered, 0.5),
    latency_p99_ms: quantileMs(answered, 0.99),
    lag_s: now.delivery.lag_ms / 1000,
    spool_bytes: now.spool.spool_bytes,
  };
}

export function stateOf({ tally, ingest, spool, delivery, health, ledger }: Reading, threads: number): State {
  return {
    health,
    accepted: tally.accepted,
    rejected: tally.rejected,
    delivered: tally.delivered,
    requests_in_flight: ingest.requests_in_flight,
    workers: { threads, running: ingest.slabs_running, queued: ingest.slabs_queued, deaths: tally.worker_deaths },
    lanes: delivery.lanes.map(({ table, state }) => ({ table, state })),
    dead_letters: spool.dead_letters,
    ledger: ledger === undefined ? null : { ...ledger, balanced: isBalanced(ledger) },
  };
}

type Durations = Tally['durations'];

/** Both are cumulative over the bounds; a bound that is new had nothing before. */
function durationsBetween(before: Durations, now: Durations): Durations {
  const earlier = new Map(before.map(({ seconds, requests }) => [seconds, requests]));
  return now.map(({ seconds, requests }) => ({ seconds, requests: requests - (earlier.get(seconds) ?? 0) }));
}

/**
 * Like Prometheus' histogram_quantile: linear within the bucket; what is beyond the last bound counts as that bound.
 *
 * @returns milliseconds; null without a request
 */
export function quantileMs(durations: Durations, share: number): number | null {
  const rank = share * (durations.at(-1)?.requests ?? 0);
  if (rank === 0) return null;
  let lower = { seconds: 0, requests: 0 };
  for (const bucket of durations) {
    if (bucket.requests >= rank) {
      if (!Number.isFinite(bucket.seconds)) break;
      const part = (rank - lower.requests) / Math.max(1, bucket.requests - lower.requests);
      return 1000 * (lower.seconds + (bucket.seconds - lower.seconds) * part);
    }
    lower = bucket;
  }
  return 1000 * lower.seconds;
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

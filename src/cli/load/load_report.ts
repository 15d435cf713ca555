/** What a load came to: one object for scripts, a table for people. */
import type { LoadOutcome, LoadPlan } from './load_run.ts';

export interface LoadReport {
  readonly url: string;
  readonly seed: number;
  readonly devices: number;
  readonly batch_events: number;
  readonly connections: number;
  readonly transport: string;
  readonly encoding: string;
  readonly network: string;
  readonly duration_s: number;
  readonly requests: number;
  readonly bytes: number;
  readonly events_per_s: number;
  readonly requests_per_s: number;
  /** From the moment a batch was due or sent to its acknowledgement, retries included. */
  readonly latency_ms: { readonly p50: number; readonly p90: number; readonly p99: number; readonly p999: number; readonly max: number };
  /** How often each answer came, by status or by what went wrong instead. */
  readonly answers: Readonly<Record<string, number>>;
  readonly retries: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly unacknowledged: number;
  /** Different events of the fleet that ClickHouse has; null when it was not asked. */
  readonly in_clickhouse: number | null;
  /** Why it ended early; null when it was played to its end. */
  readonly stopped: string | null;
}

export function reportLoad(plan: LoadPlan, url: string, outcome: LoadOutcome, in_clickhouse?: number): LoadReport {
  const { tally } = outcome;
  const duration_s = Math.max(outcome.duration_ms, 1) / 1000;
  const quantile_ms = (share: number): number => tally.latencies.quantileUs(share) / 1000;
  return {
    url,
    seed: plan.seed,
    devices: plan.devices,
    batch_events: plan.batch_events,
    connections: plan.connections,
    transport: plan.transport,
    encoding: plan.encoding,
    network: plan.network,
    duration_s: Math.round(duration_s * 1000) / 1000,
    requests: tally.sent_requests,
    bytes: tally.sent_bytes,
    events_per_s: Math.round(tally.acknowledged_events / duration_s),
    requests_per_s: Math.round(tally.latencies.count() / duration_s),
    latency_ms: {
      p50: quantile_ms(0.5),
      p90: quantile_ms(0.9),
      p99: quantile_ms(0.99),
      p999: quantile_ms(0.999),
      max: tally.latencies.maxUs() / 1000,
    },
    answers: Object.fromEntries([...tally.answers].sort()),
    retries: tally.retries,
    sent: tally.sent_events,
    acknowledged: tally.acknowledged_events,
    accepted: tally.accepted_events,
    rejected: tally.rejected_events,
    unacknowledged: tally.sent_events - tally.acknowledged_events,
    in_clickhouse: in_clickhouse ?? null,
    stopped: outcome.stopped ?? null,
  };
}

/** The report as lines for a terminal: names to the left, numbers to the right. */
export function formatLoad(report: LoadReport): string {
  const { latency_ms } = report;
  const rows: [string, string][] = [
    ['seed', String(report.seed)],
    ['duration, s', report.duration_s.toFixed(1)],
    ['requests', whole(report.requests)],
    ['requests/s', whole(report.requests_per_s)],
    ['events/s', whole(report.events_per_s)],
    ['MB/s', (report.bytes / 1e6 / report.duration_s).toFixed(1)],
    ['latency p50, ms', latency_ms.p50.toFixed(2)],
    ['latency p90, ms', latency_ms.p90.toFixed(2)],
    ['latency p99, ms', latency_ms.p99.toFixed(2)],
    ['latency p99.9, ms', latency_ms.p999.toFixed(2)],
    ['latency max, ms', latency_ms.max.toFixed(2)],
    ...Object.entries(report.answers).map(([answer, count]): [string, string] => [`answers ${answer}`, whole(count)]),
    ['retries', whole(report.retries)],
    ['events sent', whole(report.sent)],
    ['events acknowledged', whole(report.acknowledged)],
    ['events accepted', whole(report.accepted)],
    ['events rejected', whole(report.rejected)],
    ...(report.in_clickhouse === null ? [] : [['events in ClickHouse', whole(report.in_clickhouse)] satisfies [string, string]]),
  ];
  const name_width = Math.max(...rows.map(([name]) => name.length));
  const value_width = Math.max(...rows.map(([, value]) => value.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(name_width)}  ${value.padStart(value_width)}`);
  if (report.unacknowledged > 0) lines.push('', `${whole(report.unacknowledged)} events were never acknowledged.`);
  if (report.stopped !== null) lines.push('', `Ended early: ${report.stopped}.`);
  return `${lines.join('\n')}\n`;
}

function whole(value: number): string {
  return value.toLocaleString('en-US');
}

/**
 * Health: alive means that this process answers; ready means that events can be acknowledged. ClickHouse may be away while we
 * are ready: the spool takes the events, and the answer says so.
 */

export interface HealthReadings {
  readonly is_stopping: boolean;
  /** Why nothing can be appended to the spool; undefined when it can. */
  readonly spool_problem: string | undefined;
  /** In bytes; where requests are refused beside what is used or free. */
  readonly spool: {
    readonly spool_bytes: number;
    readonly spool_bytes_max: number;
    readonly disk_free_bytes: number | undefined;
    readonly disk_free_bytes_min: number;
  };
  readonly clickhouse: {
    /** `starting` until its first answer; only the embedded engine holds readiness back until then. */
    readonly state: 'starting' | 'up' | 'down';
    readonly is_embedded: boolean;
    readonly has_answered: boolean;
    readonly last_error: string | undefined;
    /** Of the embedded engine's disk, where it runs. */
    readonly disk: { readonly free_bytes: number; readonly free_bytes_min: number } | undefined;
  };
  /** `problem`: why events with claims are refused; the others are acknowledged all the same, so it does not count against readiness. */
  readonly registry: { readonly is_embedded: boolean; readonly problem: string | undefined };
  readonly delivery: { readonly lag_ms: number; readonly segments: number; readonly problem: string | undefined };
  /** What ClickHouse refused: segments that are tried again, and rows that were given up. */
  readonly refused: { readonly parked_segments: number; readonly parked_reason: string | undefined; readonly dead_letters: number };
}

/** Whole seconds: a restart and a full disk take longer than that, a start less. */
const RETRY_AFTER_S = 5;

export interface HealthAnswer {
  readonly status: 200 | 503;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function liveness(): HealthAnswer {
  return { status: 200, body: JSON.stringify({ live: true }) };
}

export function readiness(readings: HealthReadings): HealthAnswer {
  const body = describeHealth(readings);
  const answer = { body: JSON.stringify(body) };
  return body.ready ? { status: 200, ...answer } : { status: 503, ...answer, headers: { 'Retry-After': String(RETRY_AFTER_S) } };
}

/** The body of /readyz. */
export type HealthReport = ReturnType<typeof describeHealth>;

export function describeHealth(readings: HealthReadings) {
  const reasons = reasonsAgainst(readings);
  const { clickhouse, registry, delivery, refused, spool } = readings;
  return {
    ready: reasons.length === 0,
    reasons,
    clickhouse: {
      state: clickhouse.state,
      embedded: clickhouse.is_embedded,
      last_error: clickhouse.last_error ?? null,
      disk_free_bytes: clickhouse.disk?.free_bytes ?? null,
      disk_free_bytes_min: clickhouse.disk?.free_bytes_min ?? null,
      problem: diskProblem(clickhouse.disk),
    },
    spool: {
      bytes: spool.spool_bytes,
      bytes_max: spool.spool_bytes_max,
      disk_free_bytes: spool.disk_free_bytes ?? null,
      disk_free_bytes_min: spool.disk_free_bytes_min,
    },
    registry: { embedded: registry.is_embedded, problem: registry.problem ?? null },
    delivery: { lag_seconds: delivery.lag_ms / 1000, backlog_segments: delivery.segments, problem: delivery.problem ?? null },
    refused: { dead_letters: refused.dead_letters, parked_segments: refused.parked_segments, parked_reason: refused.parked_reason ?? null },
  };
}

function diskProblem(disk: HealthReadings['clickhouse']['disk']): string | null {
  if (disk === undefined || disk.free_bytes >= disk.free_bytes_min) return null;
  return (
    `The disk has ${disk.free_bytes} bytes free, and below ${disk.free_bytes_min} (clickhouse.embedded_free_bytes_min) nothing more is stored: ` +
    'events wait in the spool. Free space, add some, or lower clickhouse.retention_months.'
  );
}

function reasonsAgainst(readings: HealthReadings): string[] {
  const reasons: string[] = [];
  if (readings.is_stopping) reasons.push('The daemon is shutting down.');
  if (readings.spool_problem !== undefined) reasons.push(readings.spool_problem);
  if (readings.clickhouse.is_embedded && !readings.clickhouse.has_answered) {
    reasons.push('The embedded ClickHouse has not answered yet.');
  }
  return reasons;
}

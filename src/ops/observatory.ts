/** Looks at the running stages when somebody asks: a scrape, a health check. It sees of each only what is needed here. */
import type { LedgerAnswer } from '../contract/ledger.ts';
import type { Clock } from '../contract/ports.ts';
import { describeHealth, type HealthAnswer, type HealthReadings, type HealthReport, liveness, readiness } from './health.ts';
import type { DeliveryReadings } from './metrics/delivery_metrics.ts';
import type { IngestReadings } from './metrics/ingest_metrics.ts';
import type { SpoolReadings } from './metrics/spool_metrics.ts';
import type { Readings } from './telemetry.ts';

interface DeliveryFigures {
  readonly segments: number;
  readonly rows: number;
  readonly bytes: number;
  readonly parked_segments: number;
  readonly oldest_received_at_ms: number | undefined;
  readonly tables: readonly {
    readonly table: string;
    readonly state: string;
    readonly parked_reason: string | undefined;
    readonly last_failure: { readonly message: string } | undefined;
  }[];
}

export interface Stages {
  readonly front: { inFlight(): number; readonly budget: { used(): number }; readonly streams: { count(): number } };
  readonly dispatcher: { depth(): { queued: number; running: number } };
  readonly spool: {
    stats(): SpoolReadings & { readonly oldest_unsealed_received_at_ms: number | undefined; readonly problem: Error | undefined };
    readonly ledger: { uncountedSegments(): number; answer(sources: readonly string[]): LedgerAnswer };
  };
  readonly backend: { current(): HealthReadings['clickhouse'] };
  readonly registry: { readonly is_embedded: boolean; problem(): string | undefined };
  /** Undefined until ClickHouse is connected. */
  delivery(): { figures(): DeliveryFigures } | undefined;
  isStopping(): boolean;
}

const NOTHING_DELIVERED: DeliveryFigures = {
  segments: 0,
  rows: 0,
  bytes: 0,
  parked_segments: 0,
  oldest_received_at_ms: undefined,
  tables: [],
};
const TROUBLED_STATES: ReadonlySet<string> = new Set(['retrying', 'paused', 'stopped']);

export class Observatory implements Readings {
  constructor(
    private readonly clock: Clock,
    private readonly stages: () => Stages,
  ) {}

  ingest(): IngestReadings {
    const { front, dispatcher } = this.stages();
    const { queued, running } = dispatcher.depth();
    return {
      requests_in_flight: front.inFlight(),
      body_bytes_in_flight: front.budget.used(),
      stream_connections: front.streams.count(),
      slabs_queued: queued,
      slabs_running: running,
    };
  }

  spool(): SpoolReadings {
    return this.stages().spool.stats();
  }

  delivery(): DeliveryReadings {
    const figures = this.figures();
    const backend = this.stages().backend.current();
    return {
      ...figures,
      lag_ms: this.lagMs(figures),
      clickhouse_up: backend.state === 'up',
      clickhouse_disk: backend.disk,
      lanes: figures.tables,
    };
  }

  ledger(sources: readonly string[]): LedgerAnswer | undefined {
    const { ledger } = this.stages().spool;
    return ledger.uncountedSegments() > 0 ? undefined : ledger.answer(sources);
  }

  isReady(): boolean {
    return this.health('/readyz').status === 200;
  }

  /** The answer of GET /livez or /readyz. */
  health(path: string): HealthAnswer {
    return path === '/livez' ? liveness() : readiness(this.healthReadings());
  }

  /** What /readyz says, for those who show it. */
  report(): HealthReport {
    return describeHealth(this.healthReadings());
  }

  private healthReadings(): HealthReadings {
    const { spool, backend, registry, isStopping } = this.stages();
    const { problem, dead_letters, ...room } = spool.stats();
    const figures = this.figures();
    const letters = Object.values(dead_letters).reduce((sum, count) => sum + count, 0);
    const parked_reason = figures.tables.find((lane) => lane.parked_reason !== undefined)?.parked_reason;
    return {
      is_stopping: isStopping(),
      spool_problem: problem?.message,
      spool: room,
      clickhouse: backend.current(),
      registry: { is_embedded: registry.is_embedded, problem: registry.problem() },
      delivery: { lag_ms: this.lagMs(figures), segments: figures.segments, problem: troubleOf(figures) },
      refused: { parked_segments: figures.parked_segments, parked_reason, dead_letters: letters },
    };
  }

  private figures(): DeliveryFigures {
    return this.stages().delivery()?.figures() ?? NOTHING_DELIVERED;
  }

  /** Age of the oldest acknowledged event that is not in ClickHouse; 0 without one. */
  private lagMs(figures: DeliveryFigures): number {
    const oldest = [figures.oldest_received_at_ms, this.stages().spool.stats().oldest_unsealed_received_at_ms];
    const known = oldest.filter((time_ms) => time_ms !== undefined);
    return known.length === 0 ? 0 : Math.max(0, this.clock.nowMs() - Math.min(...known));
  }
}

/** The first table that delivery does not get on with, in words. */
function troubleOf(figures: DeliveryFigures): string | undefined {
  const lane = figures.tables.find(({ state }) => TROUBLED_STATES.has(state));
  return lane === undefined ? undefined : `${lane.table} is ${lane.state}: ${lane.last_failure?.message ?? 'no reason known'}`;
}

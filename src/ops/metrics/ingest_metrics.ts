/** Metrics of the way in: requests, events by outcome, slabs and workers. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { DurationHistogram, type DurationSeries } from './duration_histogram.ts';

const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.25, 1, 10];
const SLAB_REQUEST_BUCKETS = [1, 4, 16, 64, 256, 1024];
const SLAB_BYTES_BUCKETS = [4 ** 5, 4 ** 6, 4 ** 7, 4 ** 8, 4 ** 10];
const HEALTH_ROUTES: ReadonlySet<string> = new Set(['/livez', '/readyz']);
/** What stands for every route that takes no events: there are many of them, and their durations are ClickHouse's. */
const READ_ROUTES = 'read';

/** What is read when Prometheus asks. */
export interface IngestReadings {
  readonly requests_in_flight: number;
  readonly body_bytes_in_flight: number;
  readonly stream_connections: number;
  readonly slabs_queued: number;
  readonly slabs_running: number;
}

/** What has come in since the start, for who shows how fast it grows. */
export interface IngestTally {
  readonly accepted: number;
  /** By reason. */
  readonly rejected: Readonly<Record<string, number>>;
  readonly worker_deaths: number;
  /** Requests with events that were answered within so many seconds, cumulative, the last one without a bound. */
  readonly durations: readonly { readonly seconds: number; readonly requests: number }[];
}

/** What was counted of one route and status since Prometheus last asked: prom-client's own counting is dear per request. */
interface RouteTally {
  readonly route: string;
  readonly status: string;
  readonly takes_events: boolean;
  readonly duration: DurationSeries | undefined;
  requests: number;
  body_bytes: number;
}

/** What the labels may be; together with statuses and reasons, which are few, they bound the number of series. */
export interface IngestNames {
  readonly sources: readonly string[];
  /** Paths of the routes that take events. */
  readonly routes: readonly string[];
}

export class IngestMetrics {
  private readonly requests: Counter<'route' | 'status'>;
  private readonly duration: DurationHistogram;
  private readonly bytes: Counter<'route'>;
  private readonly accepted: Counter<'source'>;
  private readonly rejected: Counter<'source' | 'reason'>;
  private readonly invalid: Counter<'source' | 'type' | 'reason'>;
  private readonly slab_requests: Histogram;
  private readonly slab_bytes: Histogram;
  private readonly worker_deaths: Counter;
  private readonly routes = new Map<string, Map<number, RouteTally>>();

  constructor(
    registry: Registry,
    private readonly names: IngestNames,
    read: () => IngestReadings,
  ) {
    const registers = [registry];
    this.requests = new Counter({
      name: 'penstock_http_requests_total',
      help: 'Requests answered on the public listener.',
      labelNames: ['route', 'status'],
      registers,
      collect: () => this.bringUp(),
    });
    this.duration = new DurationHistogram({
      name: 'penstock_http_request_duration_seconds',
      help: 'Time from the head of a request to its answer; "read" stands for all routes that take no events.',
      label: 'route',
      bounds_s: DURATION_BUCKETS_S,
    });
    this.bytes = new Counter({
      name: 'penstock_http_body_bytes_total',
      help: 'Bytes of request bodies received, as sent, on routes that take events.',
      labelNames: ['route'],
      registers,
    });
    this.accepted = new Counter({
      name: 'penstock_events_accepted_total',
      help: 'Events acknowledged as accepted.',
      labelNames: ['source'],
      registers,
    });
    this.rejected = new Counter({
      name: 'penstock_events_rejected_total',
      help: 'Events acknowledged as rejected, by reason.',
      labelNames: ['source', 'reason'],
      registers,
    });
    this.invalid = new Counter({
      name: 'penstock_events_invalid_total',
      help: 'Events stored with valid = 0, since they are not as their source knows events, by type of event and kind of deviation.',
      labelNames: ['source', 'type', 'reason'],
      registers,
    });
    this.slab_requests = new Histogram({
      name: 'penstock_dispatch_slab_requests',
      help: 'Requests that travelled to a worker together.',
      buckets: SLAB_REQUEST_BUCKETS,
      registers,
    });
    this.slab_bytes = new Histogram({
      name: 'penstock_dispatch_slab_bytes',
      help: 'Bytes of a slab as dispatched.',
      buckets: SLAB_BYTES_BUCKETS,
      registers,
    });
    this.worker_deaths = new Counter({
      name: 'penstock_worker_deaths_total',
      help: 'Workers that died or did not start; the requests that each had were answered 503.',
      registers,
    });
    addGauges(registry, read);
    for (const source of names.sources) this.accepted.inc({ source }, 0);
    // Before the first is refused: a counter that begins with what an alert counts does not seem to have risen.
    for (const path of names.routes) this.requests.inc({ route: withoutLastSlash(path), status: '503' }, 0);
  }

  requestAnswered(route: string, status: number, duration_ms: number, body_bytes: number): void {
    const tally = this.routes.get(route)?.get(status) ?? this.createRoute(route, status);
    tally.requests++;
    tally.body_bytes += body_bytes;
    tally.duration?.observe(duration_ms / 1000);
  }

  /** What prom-client does not print, in the same format. */
  text(): string {
    return this.duration.text();
  }

  slabDispatched(requests: number, bytes: number): void {
    this.slab_requests.observe(requests);
    this.slab_bytes.observe(bytes);
  }

  eventsCounted(source: number, accepted: number, rejected: Readonly<Record<string, number>>): void {
    const name = this.names.sources[source] ?? 'unknown';
    this.accepted.inc({ source: name }, accepted);
    for (const [reason, count] of Object.entries(rejected)) this.rejected.inc({ source: name, reason }, count);
  }

  eventDeviated(source: number, type: string, kind: string): void {
    this.invalid.inc({ source: this.names.sources[source] ?? 'unknown', type, reason: kind });
  }

  workerDied(): void {
    this.worker_deaths.inc();
  }

  async tally(): Promise<IngestTally> {
    const [accepted, rejected, deaths] = await Promise.all([this.accepted.get(), this.rejected.get(), this.worker_deaths.get()]);
    const by_reason = new Map<string, number>();
    for (const { labels, value } of rejected.values) {
      const reason = String(labels.reason);
      by_reason.set(reason, (by_reason.get(reason) ?? 0) + value);
    }
    return {
      accepted: accepted.values.reduce((sum, { value }) => sum + value, 0),
      rejected: Object.fromEntries(by_reason),
      worker_deaths: deaths.values.reduce((sum, { value }) => sum + value, 0),
      durations: this.duration.cumulative((route) => route !== READ_ROUTES),
    };
  }

  /** Before Prometheus reads: what was counted since the last time. Of the counters this one is asked first. */
  private bringUp(): void {
    for (const tally of [...this.routes.values()].flatMap((by_status) => [...by_status.values()])) {
      const { route, status, takes_events } = tally;
      this.requests.inc({ route, status }, tally.requests);
      if (takes_events) this.bytes.inc({ route }, tally.body_bytes);
      tally.requests = 0;
      tally.body_bytes = 0;
    }
  }

  /** A path with a last slash and the same without it are one route. */
  private createRoute(path: string, status: number): RouteTally {
    const route = withoutLastSlash(path);
    const takes_events = this.names.routes.includes(path);
    const duration = HEALTH_ROUTES.has(route) ? undefined : this.duration.series(takes_events ? route : READ_ROUTES);
    const tally = { route, status: String(status), takes_events, duration, requests: 0, body_bytes: 0 };
    const by_status = this.routes.get(path) ?? new Map<number, RouteTally>();
    this.routes.set(path, by_status.set(status, tally));
    return tally;
  }
}

function withoutLastSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function addGauges(registry: Registry, read: () => IngestReadings): void {
  const gauge = (name: string, help: string, reading: keyof IngestReadings): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(read()[reading]) });
  };
  gauge('penstock_http_requests_in_flight', 'Requests between their head and their answer.', 'requests_in_flight');
  gauge('penstock_http_body_bytes_in_flight', 'Bytes of request bodies held in memory.', 'body_bytes_in_flight');
  gauge('penstock_dispatch_queued_slabs', 'Slabs that fill or wait for a worker.', 'slabs_queued');
  gauge('penstock_dispatch_running_slabs', 'Slabs at the workers.', 'slabs_running');
}

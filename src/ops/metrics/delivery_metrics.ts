/** Metrics of the way out: INSERTs, what they delivered, what failed, and how far behind ClickHouse is. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { SealedSegment } from '../../contract/segment.ts';

const INSERT_BUCKETS_S = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What is read when Prometheus asks. */
export interface DeliveryReadings {
  readonly segments: number;
  readonly rows: number;
  readonly bytes: number;
  readonly parked_segments: number;
  /** Age of the oldest acknowledged event that is not in ClickHouse; 0 without one. */
  readonly lag_ms: number;
  readonly clickhouse_up: boolean;
  /** Of the embedded engine's disk; undefined for a server elsewhere. */
  readonly clickhouse_disk: { readonly free_bytes: number; readonly free_bytes_min: number } | undefined;
  readonly lanes: readonly { readonly table: string; readonly state: string }[];
}

export class DeliveryMetrics {
  private readonly insert_duration: Histogram;
  private readonly rows: Counter<'table'>;
  private readonly segments: Counter<'table'>;
  private readonly failures: Counter<'table' | 'action'>;
  private readonly quarantined_segments: Counter<'table'>;

  constructor(registry: Registry, tables: readonly string[], read: () => DeliveryReadings) {
    const registers = [registry];
    const counter = <Label extends string>(name: string, help: string, labels: Label[]): Counter<Label> =>
      new Counter({ name, help, labelNames: labels, registers });
    this.insert_duration = new Histogram({
      name: 'penstock_delivery_insert_duration_seconds',
      help: 'Time of an INSERT that ClickHouse confirmed.',
      buckets: INSERT_BUCKETS_S,
      registers,
    });
    this.rows = counter('penstock_delivery_rows_total', 'Rows that are in ClickHouse.', ['table']);
    this.segments = counter('penstock_delivery_segments_total', 'Segments that are in ClickHouse.', ['table']);
    this.failures = counter('penstock_delivery_failures_total', 'Failed tries of an INSERT, by what was done then.', ['table', 'action']);
    this.quarantined_segments = counter('penstock_delivery_quarantined_segments_total', 'Segments that failed their checksum.', ['table']);
    for (const table of tables) {
      this.rows.inc({ table }, 0);
      this.segments.inc({ table }, 0);
      this.quarantined_segments.inc({ table }, 0);
    }
    addGauges(registry, read);
  }

  /** Rows that are in ClickHouse since the start. */
  async deliveredRows(): Promise<number> {
    const { values } = await this.rows.get();
    return values.reduce((sum, { value }) => sum + value, 0);
  }

  inserted(duration_ms: number): void {
    this.insert_duration.observe(duration_ms / 1000);
  }

  delivered(segment: SealedSegment): void {
    this.rows.inc({ table: segment.table }, segment.rows);
    this.segments.inc({ table: segment.table });
  }

  failed(segment: SealedSegment, action: string): void {
    this.failures.inc({ table: segment.table, action });
  }

  quarantined(segment: SealedSegment): void {
    this.quarantined_segments.inc({ table: segment.table });
  }
}

function addGauges(registry: Registry, read: () => DeliveryReadings): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: (readings: DeliveryReadings) => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers, collect: () => metric.set(value(read())) });
  };
  gauge('penstock_delivery_lag_seconds', 'Age of the oldest acknowledged event not yet in ClickHouse.', ({ lag_ms }) => lag_ms / 1000);
  gauge('penstock_delivery_backlog_segments', 'Sealed segments not yet in ClickHouse.', ({ segments }) => segments);
  gauge('penstock_delivery_backlog_rows', 'Rows of sealed segments not yet in ClickHouse.', ({ rows }) => rows);
  gauge('penstock_delivery_backlog_bytes', 'Bytes of sealed segments not yet in ClickHouse.', ({ bytes }) => bytes);
  gauge('penstock_delivery_parked_segments', 'Segments that ClickHouse refused and that were set aside.', (now) => now.parked_segments);
  gauge('penstock_clickhouse_up', '1 when ClickHouse answered when it was last asked, 0 when it did not.', (now) =>
    Number(now.clickhouse_up),
  );
  gauge(
    'penstock_clickhouse_disk_free_bytes',
    "Free space on the embedded ClickHouse's disk.",
    (now) => now.clickhouse_disk?.free_bytes ?? Number.NaN,
  );
  gauge(
    'penstock_clickhouse_disk_free_limit_bytes',
    'Free space below which the embedded ClickHouse takes no events.',
    (now) => now.clickhouse_disk?.free_bytes_min ?? Number.NaN,
  );
  const lanes: Gauge<'table' | 'state'> = new Gauge({
    name: 'penstock_delivery_state',
    help: 'What delivery of a table is doing: 1 for the present state; the other states have no sample.',
    labelNames: ['table', 'state'],
    registers,
    collect: () => {
      // Six samples for each of many tables would be most of a scrape, to say what one says.
      lanes.reset();
      for (const { table, state } of read().lanes) lanes.set({ table, state }, 1);
    },
  });
}

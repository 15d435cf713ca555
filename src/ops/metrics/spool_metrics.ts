/** Metrics of the spool: what a write to disk costs, how well it is shared, and what is kept. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { SealedSegment } from '../../contract/segment.ts';

const SYNC_BUCKETS_S = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const SEAL_BUCKETS_S = [0.01, 0.05, 0.1, 0.5, 2.5, 10];
const BLOCK_BUCKETS = [1, 2, 4, 8, 16, 32, 64];
const BYTES_BUCKETS = [4 ** 5, 4 ** 7, 4 ** 9, 4 ** 10, 4 ** 11, 4 ** 13];
const ROW_BUCKETS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
/** Incidents that an alert counts: a counter that begins with its first event does not seem to have risen. */
const FAILED_WRITES = ['append_failed', 'seal_failed', 'disk_unwritable', 'ledger_unwritable'];

/** What is read when Prometheus asks. */
export interface SpoolReadings {
  readonly spool_bytes: number;
  readonly queued_bytes: number;
  readonly open_segments: number;
  readonly unsealed_segments: number;
  readonly sealed_segments: number;
  readonly quarantined: number;
  /** How many dead letters each table has. */
  readonly dead_letters: Readonly<Record<string, number>>;
  readonly spool_bytes_max: number;
  /** Undefined before the disk was first asked. */
  readonly disk_free_bytes: number | undefined;
  readonly disk_free_bytes_min: number;
}

export class SpoolMetrics {
  private readonly sync_duration: Histogram;
  private readonly group_blocks: Histogram;
  private readonly group_bytes: Histogram;
  private readonly seal_duration: Histogram;
  private readonly segment_rows: Histogram;
  private readonly segment_bytes: Histogram;
  private readonly incidents: Counter<'incident'>;

  constructor(registry: Registry, read: () => SpoolReadings) {
    const registers = [registry];
    const histogram = (name: string, help: string, buckets: number[]): Histogram => new Histogram({ name, help, buckets, registers });
    this.sync_duration = histogram('penstock_spool_sync_duration_seconds', 'Time of one fdatasync of an open segment.', SYNC_BUCKETS_S);
    this.group_blocks = histogram('penstock_spool_group_blocks', 'Blocks that shared one write and one fdatasync.', BLOCK_BUCKETS);
    this.group_bytes = histogram('penstock_spool_group_bytes', 'Bytes of one group commit.', BYTES_BUCKETS);
    this.seal_duration = histogram(
      'penstock_spool_seal_duration_seconds',
      'Time to turn an open segment into a sealed one.',
      SEAL_BUCKETS_S,
    );
    this.segment_rows = histogram('penstock_spool_segment_rows', 'Rows of a sealed segment.', ROW_BUCKETS);
    this.segment_bytes = histogram('penstock_spool_segment_bytes', 'Bytes of a sealed segment.', BYTES_BUCKETS);
    this.incidents = new Counter({
      name: 'penstock_spool_incidents_total',
      help: 'Failed writes and damaged records or files, by kind; the log has the details.',
      labelNames: ['incident'],
      registers,
    });
    for (const incident of FAILED_WRITES) this.incidents.inc({ incident }, 0);
    addGauges(registry, read);
  }

  synced(duration_ms: number): void {
    this.sync_duration.observe(duration_ms / 1000);
  }

  groupCommitted(blocks: number, bytes: number): void {
    this.group_blocks.observe(blocks);
    this.group_bytes.observe(bytes);
  }

  sealed(segment: SealedSegment, duration_ms: number): void {
    this.seal_duration.observe(duration_ms / 1000);
    this.segment_rows.observe(segment.rows);
    this.segment_bytes.observe(segment.file_bytes);
  }

  incident(incident: string): void {
    this.incidents.inc({ incident });
  }
}

function addGauges(registry: Registry, read: () => SpoolReadings): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers, collect: () => metric.set(value()) });
  };
  gauge('penstock_spool_bytes', 'Disk space that open and sealed segments take.', () => read().spool_bytes);
  gauge(
    'penstock_spool_limit_bytes',
    'Disk space that segments may take; beyond it requests are answered 503.',
    () => read().spool_bytes_max,
  );
  gauge('penstock_spool_disk_free_bytes', 'Free space on the disk of the spool.', () => read().disk_free_bytes ?? Number.NaN);
  gauge('penstock_spool_disk_free_limit_bytes', 'Free disk space below which requests are answered 503.', () => read().disk_free_bytes_min);
  gauge('penstock_spool_queued_bytes', 'Encoded events that wait to be written.', () => read().queued_bytes);
  const quarantined: Counter = new Counter({
    name: 'penstock_spool_quarantined_total',
    help: 'Damaged records and files that were set aside.',
    registers,
    collect: () => {
      quarantined.reset();
      quarantined.inc(read().quarantined);
    },
  });
  const segments: Gauge<'state'> = new Gauge({
    name: 'penstock_spool_segments',
    help: 'Segments by state: open, waiting to be sealed, sealed and not yet in ClickHouse.',
    labelNames: ['state'],
    registers,
    collect: () => {
      const { open_segments, unsealed_segments, sealed_segments } = read();
      segments.set({ state: 'open' }, open_segments);
      segments.set({ state: 'unsealed' }, unsealed_segments);
      segments.set({ state: 'sealed' }, sealed_segments);
    },
  });
}

/**
 * What the stages tell of themselves, turned into metrics and log lines. Each member has the shape of one stage's observer;
 * compose.ts hands them out, and gives the readings that are taken when Prometheus asks.
 */

import type { LedgerAnswer } from '../contract/ledger.ts';
import type { Clock } from '../contract/ports.ts';
import type { SealedSegment } from '../contract/segment.ts';
import type { Deviation } from '../contract/source.ts';
import { Deviations } from './deviations.ts';
import type { Logger } from './logger.ts';
import { ClaimMetrics, type RegistryName } from './metrics/claim_metrics.ts';
import { DeliveryMetrics, type DeliveryReadings } from './metrics/delivery_metrics.ts';
import { IngestMetrics, type IngestNames, type IngestReadings, type IngestTally } from './metrics/ingest_metrics.ts';
import { addLedgerMetrics } from './metrics/ledger_metrics.ts';
import { LetterMetrics } from './metrics/letter_metrics.ts';
import { addReadiness } from './metrics/readiness_metric.ts';
import { createRegistry } from './metrics/registry.ts';
import { SpoolMetrics, type SpoolReadings } from './metrics/spool_metrics.ts';
import { StreamMetrics } from './metrics/stream_metrics.ts';

export interface Readings {
  ingest(): IngestReadings;
  spool(): SpoolReadings;
  delivery(): DeliveryReadings;
  /** Whether events can be acknowledged: what GET /readyz says. */
  isReady(): boolean;
  /** The books, with these sources at least; undefined while segments of an earlier run are not counted yet. */
  ledger(sources: readonly string[]): LedgerAnswer | undefined;
}

/** What went through since the start. */
export interface Tally extends IngestTally {
  readonly delivered: number;
}

/** Why delivery did not get on with a segment, as its observer tells it. */
interface Failure {
  readonly segment: string;
  readonly action: string;
  readonly in_doubt: boolean;
  readonly code: string;
  readonly message: string;
}

/** Incidents that end by themselves or were expected; the others want a person. */
const MILD_INCIDENTS: ReadonlySet<string> = new Set(['disk_writable_again', 'disk_has_room_again', 'tail_torn']);
const TROUBLED_STATES: ReadonlySet<string> = new Set(['paused', 'stopped']);

export class Telemetry {
  /** For the live page. */
  readonly deviations: Deviations;
  private readonly registry = createRegistry();
  private readonly ingest: IngestMetrics;
  private readonly streams: StreamMetrics;
  private readonly spool: SpoolMetrics;
  private readonly delivery: DeliveryMetrics;
  private readonly letters: LetterMetrics;
  private readonly claims: ClaimMetrics;

  constructor(
    private readonly log: Logger,
    clock: Clock,
    private readonly names: IngestNames & { readonly tables: readonly string[] },
    readings: Readings,
  ) {
    this.deviations = new Deviations({ clock, log: (line) => this.log.warn(line, 'event_invalid') });
    this.ingest = new IngestMetrics(this.registry, names, () => readings.ingest());
    this.streams = new StreamMetrics(this.registry, () => readings.ingest().stream_connections);
    this.spool = new SpoolMetrics(this.registry, () => readings.spool());
    this.claims = new ClaimMetrics(this.registry);
    this.delivery = new DeliveryMetrics(this.registry, names.tables, () => readings.delivery());
    this.letters = new LetterMetrics(this.registry, names.tables, () => readings.spool().dead_letters);
    addReadiness(this.registry, () => readings.isReady());
    addLedgerMetrics(this.registry, () => readings.ledger(names.sources));
  }

  /** The text that Prometheus scrapes, and its media type. */
  async scrape(): Promise<{ body: string; content_type: string }> {
    return {
      body: `${await this.registry.metrics()}\n${this.ingest.text()}${this.claims.text()}`,
      content_type: this.registry.contentType,
    };
  }

  /** The same counters as Prometheus sees. */
  async tally(): Promise<Tally> {
    const [ingest, delivered] = await Promise.all([this.ingest.tally(), this.delivery.deliveredRows()]);
    return { ...ingest, delivered };
  }

  readonly front = {
    requestAnswered: (route: string, status: number, duration_ms: number, body_bytes: number): void =>
      this.ingest.requestAnswered(route, status, duration_ms, body_bytes),
    readFailed: (route: string, error: unknown): void =>
      this.log.error({ route, reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'read_failed'),
    stream: {
      messageSettled: (fate: string): void => this.streams.messageSettled(fate),
      connectionEnded: (code: number): void => this.streams.connectionEnded(code),
    },
  };

  readonly dispatch = {
    slabDispatched: (requests: number, bytes: number): void => this.ingest.slabDispatched(requests, bytes),
    eventsCounted: (source: number, accepted: number, rejected: Readonly<Record<string, number>>): void =>
      this.ingest.eventsCounted(source, accepted, rejected),
    eventDeviated: (source: number, deviation: Deviation): void => {
      this.ingest.eventDeviated(source, deviation.type, deviation.kind);
      this.deviations.note(this.names.sources[source], deviation);
    },
    workerDied: (reason: string): void => {
      this.ingest.workerDied();
      this.log.error({ reason }, 'worker_died');
    },
  };

  readonly spooling = {
    synced: (duration_ms: number): void => this.spool.synced(duration_ms),
    groupCommitted: (blocks: number, bytes: number): void => this.spool.groupCommitted(blocks, bytes),
    sealed: (segment: SealedSegment, duration_ms: number): void => {
      this.spool.sealed(segment, duration_ms);
      const { id, table, rows, native_bytes } = segment;
      this.log.debug({ segment: id, table, rows, native_bytes, duration_ms }, 'segment_sealed');
    },
    deadLettered: (segment: SealedSegment): void => this.letters.deadLettered(segment.table),
    replayed: (segment: SealedSegment): void => {
      this.letters.replayed(segment.table);
      this.log.info({ segment: segment.id, table: segment.table }, 'dead_letter_replayed');
    },
    incident: (name: string, context: Readonly<Record<string, string | number>>): void => {
      this.spool.incident(name);
      this.log[MILD_INCIDENTS.has(name) ? 'warn' : 'error'](context, name);
    },
  };

  /** A registry that is away fails with every request: the log says it when it goes and when it is back. */
  claiming(registry: RegistryName) {
    let is_away = false;
    return {
      decided: (outcome: string, wait_ms: number): void => this.claims.decided(registry, outcome, wait_ms),
      committed: (claims: number, duration_ms: number): void => {
        this.claims.committed(registry, claims, duration_ms);
        if (is_away) this.log.info({ registry }, 'registry_back');
        is_away = false;
      },
      failed: (error: Error): void => {
        this.claims.failed(registry);
        if (!is_away) this.log.error({ registry, reason: error.message }, 'registry_away');
        is_away = true;
      },
    };
  }

  readonly delivering = {
    inserted: (_segment: SealedSegment, duration_ms: number): void => this.delivery.inserted(duration_ms),
    delivered: (segment: SealedSegment): void => {
      this.delivery.delivered(segment);
      this.log.debug({ segment: segment.id, table: segment.table, rows: segment.rows }, 'segment_delivered');
    },
    failed: (segment: SealedSegment, failure: Failure): void => {
      this.delivery.failed(segment, failure.action);
      const { action, in_doubt, code, message } = failure;
      this.log.warn({ segment: segment.id, table: segment.table, action, in_doubt, code, message }, 'insert_failed');
    },
    split: (segment: SealedSegment, halves: readonly SealedSegment[], { code, message }: Failure): void => {
      const into = halves.map(({ id }) => id);
      this.log.warn({ segment: segment.id, table: segment.table, rows: segment.rows, into, code, message }, 'segment_split');
    },
    deadLettered: (segment: SealedSegment, { code, message }: Failure): void =>
      this.log.error({ segment: segment.id, table: segment.table, code, message }, 'row_dead_lettered'),
    parked: (segment: SealedSegment, failure: Failure): void =>
      this.log.error({ segment: segment.id, table: segment.table, rows: segment.rows, message: failure.message }, 'segment_parked'),
    quarantined: (segment: SealedSegment, reason: string): void => {
      this.delivery.quarantined(segment);
      this.log.error({ segment: segment.id, table: segment.table, rows: segment.rows, reason }, 'segment_quarantined');
    },
    stateChanged: (table: string, state: string, failure: Failure | undefined): void => {
      const level = TROUBLED_STATES.has(state) ? 'error' : 'debug';
      this.log[level](
        { table, state, ...(failure === undefined ? {} : { code: failure.code, message: failure.message }) },
        'delivery_state',
      );
    },
  };
}

/**
 * Builds each stage with what it needs of the others. One function per stage, in the order in which data passes; who starts and
 * ends them when is `compose.ts`.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installedFile } from '../base/installation.ts';
import { SYSTEM_CLOCK } from '../base/system_clock.ts';
import { ClickHouseBackend } from '../clickhouse/backend.ts';
import { sealBytesMax } from '../config/limits.ts';
import type { Config } from '../config/schema.ts';
import type { Gate } from '../contract/gate.ts';
import type { Random } from '../contract/ports.ts';
import type { Submission } from '../contract/responder.ts';
import type { SegmentStore } from '../contract/segment.ts';
import type { Sink } from '../contract/sink.ts';
import type { PartSource, UploadIntake } from '../contract/upload.ts';
import { ElementWindow } from '../kernel/element_window.ts';
import { type AdminRoute, AdminServer } from '../ops/admin_server.ts';
import type { Logger } from '../ops/logger.ts';
import type { Observatory } from '../ops/observatory.ts';
import { Telemetry } from '../ops/telemetry.ts';
import { Delivery } from '../pipeline/delivery/delivery.ts';
import { DELIVERY_LIMITS } from '../pipeline/delivery/limits.ts';
import { Dispatcher } from '../pipeline/dispatch/dispatcher.ts';
import { WorkerPool } from '../pipeline/dispatch/worker_pool.ts';
import type { HttpEngine } from '../pipeline/front/engine.ts';
import { FrontEnd } from '../pipeline/front/front_end.ts';
import type { BoundReceiveBuffers } from '../pipeline/front/receive_buffers.ts';
import type { NodeFs } from '../pipeline/spool/node_fs.ts';
import { Spool } from '../pipeline/spool/spool.ts';
import { Uploads } from '../pipeline/uploads/uploads.ts';
import { SOURCES } from '../sources/list.ts';
import type { Admission } from './admission.ts';
import { countingLoose, ledgerRoute } from './ledger.ts';
import { createReadRoutes } from './reads.ts';
import type { SpoolBacklog } from './spool_backlog.ts';

/** No proxy and no replica stands before the embedded engine: a try that it does not list as running can hardly start later. */
const EMBEDDED_SETTLE_MS = 10_000;

/** All tables of all sources. */
const TABLES = SOURCES.flatMap((source) => source.tables);
const COLUMNS = new Map(TABLES.map(({ name, columns }) => [name, columns]));

/** The body is here already. */
const NO_SOCKET: PartSource = { pause: () => undefined, resume: () => undefined };

export const SYSTEM_RANDOM: Random = { fraction: Math.random, uuid: randomUUID };

export function createTelemetry(log: Logger, observatory: Observatory): Telemetry {
  const names = {
    sources: SOURCES.map(({ name }) => name),
    routes: SOURCES.flatMap(({ routes }) => routes.map(({ path }) => path)),
    tables: TABLES.map(({ name }) => name),
  };
  return new Telemetry(log, SYSTEM_CLOCK, names, observatory);
}

export function createBackend(config: Config, log: Logger): ClickHouseBackend {
  const { clickhouse, delivery, data_dir } = config;
  const on_log = (event: string, fields: Readonly<Record<string, unknown>>): void => log.info(fields, event);
  return new ClickHouseBackend(
    { clock: SYSTEM_CLOCK, random: SYSTEM_RANDOM, on_log },
    {
      ...clickhouse,
      embedded_directory: join(data_dir, 'clickhouse'),
      request_timeout_ms: delivery.request_timeout_ms,
      connections_max: delivery.concurrency + 2,
      tables: TABLES,
      views: SOURCES.flatMap((source) => source.views ?? []),
    },
  );
}

/** Segments of a table that a start seals anew: a backlog of more has its files. */
const UNFILED_SEGMENTS_MAX = 4;
/** About so many acknowledgements within one segment's time make it worth to have the next one's file ready. */
const SPARE_RECORDS_MIN = 32;

export function createSpool(
  config: Config,
  parts: { fs: NodeFs; telemetry: Telemetry; beforeSeal: (table: string) => Promise<void> },
): Spool {
  const { fs, telemetry, beforeSeal } = parts;
  const { spool, data_dir } = config;
  const ports = { fs, clock: SYSTEM_CLOCK, random: SYSTEM_RANDOM, observer: telemetry.spooling, beforeSeal };
  const limits = {
    seal_bytes_max: sealBytesMax(spool),
    unfiled_segments_max: UNFILED_SEGMENTS_MAX,
    spare_records_min: SPARE_RECORDS_MIN,
  };
  return new Spool(ports, { ...spool, ...limits, data_dir }, TABLES);
}

export function createWorkers(config: Config, telemetry: Telemetry): WorkerPool {
  return new WorkerPool({
    filename: fileURLToPath(installedFile('dist/bundle/worker.js')),
    ...config.workers,
    on_error: (error) => telemetry.dispatch.workerDied(error.message),
  });
}

export interface DispatchParts {
  readonly workers: WorkerPool;
  readonly spool: Spool;
  readonly gate: Gate;
  readonly backlog: SpoolBacklog;
  readonly telemetry: Telemetry;
}

/** The dispatcher, and the uploads: each hands work to the other. */
export function createDispatch(config: Config, parts: DispatchParts): { dispatcher: Dispatcher; uploads: Uploads } {
  const { workers, spool, gate, backlog, telemetry } = parts;
  const { dispatch, http } = config;
  const observer = countingLoose(telemetry.dispatch, spool);
  const uploads = new Uploads(
    {
      clock: SYSTEM_CLOCK,
      createWindow: () => new ElementWindow(),
      stage: () => spool.stage(),
      process: (piece) => dispatcher.processPiece(piece),
      observer,
    },
    SOURCES,
    http,
  );
  const upload = (submission: Submission, body: Uint8Array): void => {
    const intake = beginUpload({ uploads, backlog }, submission, NO_SOCKET);
    intake?.push(body);
    intake?.end();
  };
  const ports = { workers, spool, gate, clock: SYSTEM_CLOCK, random: SYSTEM_RANDOM, observer, upload };
  const dispatcher = new Dispatcher(
    { ...ports, priorityTypes: () => backlog.priorityTypes(), columnsOf: (table) => COLUMNS.get(table) ?? [], isSingle },
    { ...dispatch, ...config.workers, event_bytes_max: http.event_bytes_max, body_bytes_max: http.body_bytes_max },
  );
  return { dispatcher, uploads };
}

function isSingle(source: number): boolean {
  return SOURCES[source]?.kind === 'single';
}

/** Begins an upload, unless room is scarce: what is that large is no single crash, and nobody knows what is in it until it has come. */
function beginUpload(
  { uploads, backlog }: { readonly uploads: Uploads; readonly backlog: SpoolBacklog },
  submission: Submission,
  part_source: PartSource,
): UploadIntake | undefined {
  if (backlog.priorityTypes() === undefined) return uploads.begin(submission, part_source);
  submission.failed('shedding');
  return undefined;
}

export interface FrontParts {
  readonly engine: HttpEngine;
  readonly boundReceiveBuffers: BoundReceiveBuffers;
  readonly telemetry: Telemetry;
  readonly observatory: Observatory;
  readonly admission: Admission;
  readonly backlog: SpoolBacklog;
  readonly dispatcher: Dispatcher;
  readonly uploads: Uploads;
  readonly backend: ClickHouseBackend;
}

export function createFront(config: Config, parts: FrontParts): FrontEnd {
  const { engine, boundReceiveBuffers, telemetry, observatory, admission, backlog, dispatcher, uploads, backend } = parts;
  return new FrontEnd(
    {
      engine,
      boundReceiveBuffers,
      clock: SYSTEM_CLOCK,
      random: SYSTEM_RANDOM,
      observer: telemetry.front,
      lookupKey: (presented, use) => admission.keys.lookup(presented, use),
      meterOf: (key_id) => admission.meters.of(key_id),
      backlog,
      submit: (submission, body) => dispatcher.submit(submission, body),
      beginUpload: (submission, part_source) => beginUpload({ uploads, backlog }, submission, part_source),
      read_routes: createReadRoutes(backend.reader),
      health: (path) => observatory.health(path),
    },
    SOURCES,
    config.http,
  );
}

export interface AdminParts {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly observatory: Observatory;
  readonly spool: Spool;
  readonly page_routes: readonly AdminRoute[];
}

export function createAdmin(config: Config, parts: AdminParts): AdminServer {
  const { log, telemetry, observatory, spool, page_routes } = parts;
  const health = (path: string): AdminRoute => ({
    path,
    is_open: true,
    answer: () => ({ ...observatory.health(path), content_type: 'application/json' }),
  });
  const metrics: AdminRoute = {
    path: '/metrics',
    is_open: false,
    answer: async () => ({ status: 200, ...(await telemetry.scrape()) }),
  };
  const routes = [metrics, ledgerRoute(spool), health('/livez'), health('/readyz'), ...page_routes];
  return new AdminServer(routes, config.admin.token, (error) => log.error({ error }, 'admin_page_failed'));
}

export interface DeliveryParts {
  readonly sink: Sink;
  readonly spool: Spool;
  readonly segments: SegmentStore;
  readonly backlog: SpoolBacklog;
  readonly telemetry: Telemetry;
}

/** @param parts `segments`: those of `spool`, as delivery may see them */
export function createDelivery(config: Config, parts: DeliveryParts): Delivery {
  const { sink, spool, segments, backlog, telemetry } = parts;
  const { concurrency, retry_delay_ms_min, retry_delay_ms_max } = config.delivery;
  const is_embedded = config.clickhouse.url === 'embedded';
  const delivery = new Delivery(
    { sink, segments, clock: SYSTEM_CLOCK, random: SYSTEM_RANDOM, observer: backlog.watching(telemetry.delivering) },
    {
      ...DELIVERY_LIMITS,
      concurrency,
      retry_ms_min: retry_delay_ms_min,
      retry_ms_max: retry_delay_ms_max,
      settle_ms: is_embedded ? EMBEDDED_SETTLE_MS : DELIVERY_LIMITS.settle_ms,
    },
  );
  spool.onSealed((segment) => delivery.add(segment));
  spool.onReturned((segment) => delivery.addReturned(segment));
  return delivery;
}

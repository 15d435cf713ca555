/**
 * The only wiring: builds the stages in the order in which data passes, connects each to the next, and takes them down in the
 * same order, so that what was acknowledged reaches the disk, and what can reach ClickHouse does.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { SYSTEM_CLOCK } from './base/system_clock.ts';
import type { Daemon } from './cli/serve.ts';
import { ClickHouseBackend } from './clickhouse/backend.ts';
import type { Config } from './config/schema.ts';
import type { OperatingError } from './contract/errors.ts';
import type { Random } from './contract/ports.ts';
import type { Sink } from './contract/sink.ts';
import { type AdminRoute, AdminServer } from './ops/admin_server.ts';
import { createLogger, type Logger } from './ops/logger.ts';
import { Observatory } from './ops/observatory.ts';
import { Telemetry } from './ops/telemetry.ts';
import { type Addresses, firstStartMessage, localUrl, startMessage } from './ops/welcome.ts';
import { KeyRing } from './pipeline/admission/key_ring.ts';
import { KeyWatch } from './pipeline/admission/key_watch.ts';
import { type CreatedKey, KeyStore } from './pipeline/admission/keys.ts';
import { NodeKeyFile } from './pipeline/admission/node_key_file.ts';
import { Delivery } from './pipeline/delivery/delivery.ts';
import { DELIVERY_LIMITS } from './pipeline/delivery/limits.ts';
import { Dispatcher } from './pipeline/dispatch/dispatcher.ts';
import { WorkerPool } from './pipeline/dispatch/worker_pool.ts';
import { type HttpEngine, loadHttpEngine } from './pipeline/front/engine.ts';
import { FrontEnd } from './pipeline/front/front_end.ts';
import { prepareDataDirectory } from './pipeline/spool/data_directory.ts';
import { type DirectoryLock, lockDirectory } from './pipeline/spool/lock.ts';
import { NodeFs } from './pipeline/spool/node_fs.ts';
import { Spool } from './pipeline/spool/spool.ts';
import { SOURCES } from './sources/list.ts';

/** How long the embedded engine may take to close its tables. */
const ENGINE_STOP_MS_MAX = 5_000;
/** No proxy and no replica stands before the embedded engine: a try that it does not list as running can hardly start later. */
const EMBEDDED_SETTLE_MS = 10_000;
/** Below this much free disk nothing more is accepted. */
const FREE_BYTES_MIN = 256 * 2 ** 20;

/** All tables of all sources. */
const TABLES = SOURCES.flatMap((source) => source.tables);

const SYSTEM_RANDOM: Random = { fraction: Math.random, uuid: randomUUID };

/** Starts a daemon. Rejects with an OperatingError when it cannot run here; then nothing of it is left. */
export async function startDaemon(options: { config: Config; stdout: Writable; stderr: Writable }): Promise<Daemon> {
  const daemon = await PenstockDaemon.prepare(options.config, options.stdout);
  try {
    await daemon.start();
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

/** What was taken before anything was built. */
interface House {
  readonly log: Logger;
  readonly stdout: Writable;
  readonly engine: HttpEngine;
  readonly fs: NodeFs;
  readonly lock: DirectoryLock;
  readonly key_file: NodeKeyFile;
  readonly first_keys: readonly CreatedKey[];
}

class PenstockDaemon implements Daemon {
  readonly finished: Promise<void>;
  private readonly resolve_finished: () => void;
  private readonly observatory: Observatory;
  private readonly telemetry: Telemetry;
  private readonly key_ring = new KeyRing();
  private readonly key_watch: KeyWatch;
  private readonly backend: ClickHouseBackend;
  private readonly spool: Spool;
  private readonly workers: WorkerPool;
  private readonly dispatcher: Dispatcher;
  private readonly front: FrontEnd;
  private readonly admin: AdminServer;
  private delivery: Delivery | undefined;
  private is_stopping = false;
  private stopped: Promise<void> | undefined;

  private constructor(
    private readonly config: Config,
    private readonly house: House,
  ) {
    let resolve_finished = (): void => undefined;
    this.finished = new Promise((resolve) => {
      resolve_finished = resolve;
    });
    this.resolve_finished = resolve_finished;
    this.observatory = this.createObservatory();
    this.telemetry = this.createTelemetry();
    this.key_watch = this.createKeyWatch();
    this.backend = this.createBackend();
    this.spool = this.createSpool();
    this.workers = this.createWorkers();
    this.dispatcher = this.createDispatcher();
    this.front = this.createFront();
    this.admin = this.createAdmin();
  }

  /** Takes what a daemon must have for itself: a working HTTP engine, its directory, its keys. */
  static async prepare(config: Config, stdout: Writable): Promise<PenstockDaemon> {
    const log = createLogger(stdout, config.log.level);
    const engine = await loadHttpEngine();
    const fs = new NodeFs();
    await prepareDataDirectory(fs, config.data_dir);
    const lock = await lockDirectory(config.data_dir);
    const key_file = new NodeKeyFile(config.data_dir, SYSTEM_CLOCK);
    const first_keys = await new KeyStore({ file: key_file, clock: SYSTEM_CLOCK, randomBytes }).createFirst();
    return new PenstockDaemon(config, { log, stdout, engine, fs, lock, key_file, first_keys });
  }

  async start(): Promise<void> {
    const { config, house, backend } = this;
    await this.key_watch.start();
    await this.spool.start();
    const http_port = await this.front.listen(config.http.host, config.http.port);
    const admin_port = await this.admin.listen(config.admin.host, config.admin.port);
    const sink = await backend.connect();
    this.delivery = this.createDelivery(sink);
    const addresses = {
      public_url: localUrl(config.http.host, http_port),
      admin_url: localUrl(config.admin.host, admin_port),
      clickhouse_url: backend.url() ?? '',
    };
    house.log.info({ ...addresses, pid: process.pid, node: process.version }, 'started');
    const delivering = this.startDelivery(this.delivery);
    // With the embedded engine nothing is ready before its tables are; a server elsewhere may be away for days.
    if (config.clickhouse.url === 'embedded') await delivering;
    this.welcome(addresses);
  }

  stop(): Promise<void> {
    this.stopped ??= this.takeDown();
    return this.stopped;
  }

  reload(next: Config): void {
    this.house.log.level = next.log.level;
    this.front.setLimits(next.http);
    this.dispatcher.setEventBytesMax(next.http.event_bytes_max);
    this.spool.setBytesMax(next.spool.bytes_max);
  }

  /** In the order in which events pass: each stage is empty before the next one ends. */
  private async takeDown(): Promise<void> {
    this.is_stopping = true;
    const { config, house, delivery } = this;
    house.log.info({}, 'stopping');
    await this.front.close(config.http.shutdown_ms_max);
    await this.workers.close();
    await this.spool.sealAll();
    const is_drained = this.backend.current().has_answered && (await delivery?.flush(config.delivery.shutdown_ms_max));
    const { segments, rows } = delivery?.figures() ?? { segments: 0, rows: 0 };
    house.log.info({ is_drained: is_drained === true, segments_left: segments, rows_left: rows }, 'drained');
    const delivery_stopped = delivery?.stop();
    await this.backend.stop(ENGINE_STOP_MS_MAX);
    await delivery_stopped;
    await this.spool.close();
    await this.admin.close();
    this.key_watch.stop();
    await house.lock.release();
    house.log.info({}, 'stopped');
    this.resolve_finished();
  }

  private async startDelivery(delivery: Delivery): Promise<void> {
    if (await this.backend.prepare()) delivery.start();
  }

  private welcome(addresses: Addresses): void {
    const { first_keys, stdout } = this.house;
    stdout.write(startMessage(addresses));
    if (first_keys.length === 0) return;
    const keys = first_keys.map(({ secret, record }) => ({ use: record.use, secret }));
    stdout.write(firstStartMessage(keys, addresses, SOURCES[0]?.samples[0]?.body ?? ''));
  }

  private createObservatory(): Observatory {
    return new Observatory(SYSTEM_CLOCK, () => ({
      front: this.front,
      dispatcher: this.dispatcher,
      spool: this.spool,
      backend: this.backend,
      delivery: () => this.delivery,
      isStopping: () => this.is_stopping,
    }));
  }

  private createTelemetry(): Telemetry {
    const names = { sources: SOURCES.map(({ name }) => name), tables: TABLES.map(({ name }) => name) };
    return new Telemetry(this.house.log, names, this.observatory);
  }

  private createKeyWatch(): KeyWatch {
    const { log, key_file } = this.house;
    const reports = {
      loaded: (keys: number) => log.info({ keys }, 'keys_loaded'),
      failed: (error: OperatingError) => log.error({ reason: error.message }, 'keys_unusable'),
    };
    return new KeyWatch({ file: key_file, ring: this.key_ring, clock: SYSTEM_CLOCK, reports });
  }

  private createBackend(): ClickHouseBackend {
    const { clickhouse, delivery, data_dir } = this.config;
    const on_log = (event: string, fields: Readonly<Record<string, unknown>>): void => this.house.log.info(fields, event);
    return new ClickHouseBackend(
      { clock: SYSTEM_CLOCK, random: SYSTEM_RANDOM, on_log },
      {
        ...clickhouse,
        embedded_directory: join(data_dir, 'clickhouse'),
        request_timeout_ms: delivery.request_timeout_ms,
        connections_max: delivery.concurrency + 2,
        tables: TABLES,
      },
    );
  }

  private createSpool(): Spool {
    const { spool, data_dir } = this.config;
    const ports = { fs: this.house.fs, clock: SYSTEM_CLOCK, random: SYSTEM_RANDOM, observer: this.telemetry.spooling };
    return new Spool(ports, { ...spool, data_dir, free_bytes_min: FREE_BYTES_MIN }, TABLES);
  }

  private createWorkers(): WorkerPool {
    return new WorkerPool({
      filename: fileURLToPath(new URL('./pipeline/worker/worker.js', import.meta.url)),
      ...this.config.workers,
      on_error: (error) => this.telemetry.dispatch.workerDied(error.message),
    });
  }

  private createDispatcher(): Dispatcher {
    const { dispatch, http } = this.config;
    return new Dispatcher(
      { workers: this.workers, spool: this.spool, clock: SYSTEM_CLOCK, observer: this.telemetry.dispatch },
      { ...dispatch, ...this.config.workers, event_bytes_max: http.event_bytes_max },
    );
  }

  private createFront(): FrontEnd {
    return new FrontEnd(
      {
        engine: this.house.engine,
        clock: SYSTEM_CLOCK,
        random: SYSTEM_RANDOM,
        observer: this.telemetry.front,
        lookupKey: (presented, use) => this.key_ring.lookup(presented, use),
        submit: (source, tenant, body, responder) => this.dispatcher.submit(source, tenant, body, responder),
        health: (path) => this.observatory.health(path),
      },
      SOURCES,
      this.config.http,
    );
  }

  private createAdmin(): AdminServer {
    const health = (path: string): AdminRoute => ({
      path,
      is_open: true,
      answer: () => ({ ...this.observatory.health(path), content_type: 'application/json' }),
    });
    const metrics: AdminRoute = {
      path: '/metrics',
      is_open: false,
      answer: async () => ({ status: 200, ...(await this.telemetry.scrape()) }),
    };
    const routes = [metrics, health('/livez'), health('/readyz')];
    return new AdminServer(routes, this.config.admin.token, (error) => this.house.log.error({ error }, 'admin_page_failed'));
  }

  private createDelivery(sink: Sink): Delivery {
    const { concurrency, retry_delay_ms_min, retry_delay_ms_max } = this.config.delivery;
    const is_embedded = this.config.clickhouse.url === 'embedded';
    const delivery = new Delivery(
      { sink, segments: this.spool, clock: SYSTEM_CLOCK, random: SYSTEM_RANDOM, observer: this.telemetry.delivering },
      {
        ...DELIVERY_LIMITS,
        concurrency,
        retry_ms_min: retry_delay_ms_min,
        retry_ms_max: retry_delay_ms_max,
        settle_ms: is_embedded ? EMBEDDED_SETTLE_MS : DELIVERY_LIMITS.settle_ms,
      },
    );
    this.spool.onSealed((segment) => delivery.add(segment));
    return delivery;
  }
}

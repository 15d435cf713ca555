/**
 * The only wiring, with `compose/`: builds the stages in the order in which data passes, starts them, and takes them down in the
 * same order, so that what was acknowledged reaches the disk, and what can reach ClickHouse does.
 */
import { randomBytes } from 'node:crypto';
import type { Writable } from 'node:stream';
import { garbageCollector, growHeapBeforeMarking } from './base/heap_growth.ts';
import { loadMallocTrim } from './base/malloc_trim.ts';
import { SYSTEM_CLOCK } from './base/system_clock.ts';
import type { Daemon } from './cli/serve.ts';
import type { ClickHouseBackend } from './clickhouse/backend.ts';
import { Admission } from './compose/admission.ts';
import { createPage, loadPageAssets, type Page } from './compose/page.ts';
import { createRegistry, provenSegments } from './compose/registry.ts';
import { priorityOf, SpoolBacklog } from './compose/spool_backlog.ts';
import {
  createAdmin,
  createBackend,
  createDelivery,
  createDispatch,
  createFront,
  createSpool,
  createTelemetry,
  createWorkers,
  SYSTEM_RANDOM,
} from './compose/stages.ts';
import type { Config } from './config/schema.ts';
import type { AdminRoute, AdminServer } from './ops/admin_server.ts';
import { createLogger, type Logger } from './ops/logger.ts';
import { MemoryReturn } from './ops/memory_return.ts';
import { Observatory } from './ops/observatory.ts';
import { ProblemRing } from './ops/page/problem_ring.ts';
import type { Telemetry } from './ops/telemetry.ts';
import { type Addresses, firstStartMessage, localUrl, startMessage } from './ops/welcome.ts';
import { type CreatedKey, KeyStore } from './pipeline/admission/keys.ts';
import { NodeKeyFile } from './pipeline/admission/node_key_file.ts';
import type { Delivery } from './pipeline/delivery/delivery.ts';
import type { Dispatcher } from './pipeline/dispatch/dispatcher.ts';
import type { WorkerPool } from './pipeline/dispatch/worker_pool.ts';
import { type HttpEngine, loadHttpEngine } from './pipeline/front/engine.ts';
import type { FrontEnd } from './pipeline/front/front_end.ts';
import { type BoundReceiveBuffers, loadReceiveBuffers } from './pipeline/front/receive_buffers.ts';
import { prepareDataDirectory } from './pipeline/spool/data_directory.ts';
import { type DirectoryLock, lockDirectory } from './pipeline/spool/lock.ts';
import { NodeFs } from './pipeline/spool/node_fs.ts';
import type { Spool } from './pipeline/spool/spool.ts';
import type { Uploads } from './pipeline/uploads/uploads.ts';
import type { Registry } from './registry/registry.ts';
import { SOURCES } from './sources/list.ts';

/** How long the embedded engine may take to close its tables. */
const ENGINE_STOP_MS_MAX = 5_000;

/** Starts a daemon. Rejects with an OperatingError when it cannot run here; then nothing of it is left. */
export async function startDaemon(options: { config: Config; stdout: Writable; stderr: Writable }): Promise<Daemon> {
  growHeapBeforeMarking();
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
  /** The last warnings and errors of `log`. */
  readonly problems: ProblemRing;
  readonly page_assets: readonly AdminRoute[];
  readonly stdout: Writable;
  readonly engine: HttpEngine;
  readonly boundReceiveBuffers: BoundReceiveBuffers;
  readonly mallocTrim: () => void;
  readonly fs: NodeFs;
  readonly lock: DirectoryLock;
  readonly key_file: NodeKeyFile;
  readonly first_keys: readonly CreatedKey[];
}

class PenstockDaemon implements Daemon {
  readonly finished: Promise<void>;
  private readonly resolve_finished: () => void;
  private readonly telemetry: Telemetry;
  private readonly admission: Admission;
  private readonly backend: ClickHouseBackend;
  private readonly spool: Spool;
  private readonly backlog: SpoolBacklog;
  private readonly registry: Registry;
  private readonly workers: WorkerPool;
  private readonly dispatcher: Dispatcher;
  private readonly uploads: Uploads;
  private readonly front: FrontEnd;
  private readonly page: Page;
  private readonly admin: AdminServer;
  private readonly memory_return: MemoryReturn;
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
    const { log, engine, boundReceiveBuffers, fs, key_file } = house;
    this.memory_return = createMemoryReturn(house.mallocTrim);
    const observatory = this.createObservatory();
    const telemetry = createTelemetry(log, observatory);
    this.telemetry = telemetry;
    this.admission = new Admission(config, { log, key_file, random: SYSTEM_RANDOM });
    this.backend = createBackend(config, log);
    this.spool = createSpool(config, { fs, telemetry, beforeSeal: (table) => this.registry.beforeSeal(table) });
    this.backlog = new SpoolBacklog(SYSTEM_CLOCK, () => this.spool.stats(), priorityOf(config));
    this.registry = createRegistry(config, { fs, telemetry });
    this.workers = createWorkers(config, telemetry);
    const { dispatcher, uploads } = createDispatch(config, {
      workers: this.workers,
      spool: this.spool,
      gate: this.registry.gate,
      backlog: this.backlog,
      telemetry,
    });
    this.dispatcher = dispatcher;
    this.uploads = uploads;
    const { admission, backlog, backend } = this;
    this.front = createFront(config, {
      engine,
      boundReceiveBuffers,
      telemetry,
      observatory,
      admission,
      backlog,
      dispatcher,
      uploads,
      backend,
    });
    const { problems, page_assets: assets } = house;
    this.page = createPage({ log, problems, telemetry, observatory, query: this.backend.reader, assets }, config.workers.threads);
    this.admin = createAdmin(config, { log, telemetry, observatory, spool: this.spool, page_routes: this.page.routes });
  }

  /** Takes what a daemon must have for itself: a working HTTP engine, its directory, its keys. */
  static async prepare(config: Config, stdout: Writable): Promise<PenstockDaemon> {
    const problems = new ProblemRing(SYSTEM_CLOCK);
    const log = createLogger(stdout, config.log.level, (level, event, fields) => problems.add(level, event, fields));
    const page_assets = await loadPageAssets();
    const engine = await loadHttpEngine();
    const bound_receive_buffers = await loadReceiveBuffers(config.http.receive_buffer_bytes);
    const malloc_trim = await loadMallocTrim();
    const fs = new NodeFs();
    await prepareDataDirectory(fs, config.data_dir);
    const lock = await lockDirectory(config.data_dir);
    const key_file = new NodeKeyFile(config.data_dir, SYSTEM_CLOCK);
    const first_keys = await new KeyStore({ file: key_file, clock: SYSTEM_CLOCK, randomBytes }).createFirst();
    return new PenstockDaemon(config, {
      log,
      problems,
      page_assets,
      stdout,
      engine,
      boundReceiveBuffers: bound_receive_buffers,
      mallocTrim: malloc_trim,
      fs,
      lock,
      key_file,
      first_keys,
    });
  }

  async start(): Promise<void> {
    const { config, house, backend } = this;
    await this.admission.start();
    await this.spool.start();
    await this.registry.start();
    await this.page.sampler.start();
    const http_port = await this.front.listen(config.http.host, config.http.port);
    const admin_port = await this.admin.listen(config.admin.host, config.admin.port);
    const sink = await backend.connect();
    const segments = provenSegments(this.spool, this.registry);
    const delivery = createDelivery(config, { sink, spool: this.spool, segments, backlog: this.backlog, telemetry: this.telemetry });
    this.delivery = delivery;
    this.memory_return.start();
    const addresses = {
      public_url: localUrl(config.http.host, http_port, config.http.tls.certificate_file === null ? 'http' : 'https'),
      admin_url: localUrl(config.admin.host, admin_port),
      clickhouse_url: backend.url() ?? '',
    };
    house.log.info({ ...addresses, pid: process.pid, node: process.version }, 'started');
    const delivering = this.startDelivery(delivery);
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
    this.admission.meters.setDefaults(next.limits);
    this.backlog.setPriority(priorityOf(next));
    this.dispatcher.setLimits(next.http);
    this.uploads.setLimits(next.http);
    this.spool.setSpace(next.spool);
  }

  async renew(): Promise<readonly string[]> {
    return (await this.front.renewCertificate()) ? ['the certificate was renewed'] : [];
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
    await this.registry.close();
    await this.backend.stop(ENGINE_STOP_MS_MAX);
    await delivery_stopped;
    await this.spool.close();
    this.page.sampler.stop();
    this.memory_return.stop();
    await this.admin.close();
    await this.admission.stop();
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
      registry: this.registry,
      delivery: () => this.delivery,
      isStopping: () => this.is_stopping,
    }));
  }
}

function createMemoryReturn(malloc_trim: () => void): MemoryReturn {
  const collect_garbage = garbageCollector();
  return new MemoryReturn({
    clock: SYSTEM_CLOCK,
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    residentBytes: () => process.memoryUsage.rss(),
    collect: () => {
      collect_garbage();
      malloc_trim();
    },
  });
}

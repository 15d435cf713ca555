/**
 * The ClickHouse that this daemon delivers to: the embedded one, which it starts and supervises, or a server elsewhere. Either
 * way it is spoken to over HTTP, is brought to the present schema before anything is sent, and is asked now and then how it is.
 *
 * Owner of the connection and of the embedded engine.
 */
import { OperatingError } from '../contract/errors.ts';
import type { Clock, Random, Timer } from '../contract/ports.ts';
import type { QueryPort } from '../contract/query.ts';
import type { Sink } from '../contract/sink.ts';
import type { Table, View } from '../contract/table.ts';
import { type ClickHouseClient, createConnection, ServerAddress } from './connection.ts';
import { DiskFloor, type DiskRoom } from './embedded/disk_floor.ts';
import { EmbeddedClickHouse } from './embedded/supervisor.ts';
import { migrate } from './migrations/migrate.ts';
import { applyRetention } from './migrations/retention.ts';
import { ClickHouseReader } from './reader.ts';
import { ClickHouseSink } from './sink.ts';

export interface BackendOptions {
  /** `embedded`, or `http(s)://user:password@host:port`. */
  readonly url: string;
  readonly database: string;
  readonly embedded_port: number;
  readonly embedded_password: string | null;
  /** Where the embedded engine keeps its data. */
  readonly embedded_directory: string;
  /** With less free disk the embedded engine takes nothing. */
  readonly embedded_free_bytes_min: number;
  /** See `applyRetention`. */
  readonly retention_months: number | null;
  readonly request_timeout_ms: number;
  /** Requests to ClickHouse at one time. */
  readonly connections_max: number;
  readonly tables: readonly Table[];
  readonly views: readonly View[];
}

export interface BackendPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly on_log: (event: string, fields: Readonly<Record<string, string | number | boolean>>) => void;
}

export interface BackendState {
  /** `starting` until the first answer. */
  readonly state: 'starting' | 'up' | 'down';
  readonly is_embedded: boolean;
  /** Whether it has answered and has our tables. */
  readonly has_answered: boolean;
  readonly last_error: string | undefined;
  readonly engine_pid: number | undefined;
  /** Of the embedded engine's disk; undefined for a server elsewhere. */
  readonly disk: DiskRoom | undefined;
}

/** Sockets for reads; a real server runs as many queries at once, the embedded one queues them. */
const READ_CONNECTIONS_MAX = 8;
/** Longer than a read may run: what is silent for this long is gone. */
const READ_TIMEOUT_MS = 15_000;
const PING_INTERVAL_MS = 2_000;
const MIGRATION_RETRY_MS_MIN = 500;
const MIGRATION_RETRY_MS_MAX = 10_000;

export class ClickHouseBackend {
  /** For those who answer questions; it may be asked at any time. */
  readonly reader: QueryPort;
  private reading: ClickHouseClient | undefined;
  private readonly engine: EmbeddedClickHouse | undefined;
  private readonly disk_floor: DiskFloor | undefined;
  private connection: { readonly client: ClickHouseClient; readonly sink: Sink } | undefined;
  private state: BackendState['state'] = 'starting';
  private last_error: string | undefined;
  private is_migrated = false;
  private is_stopped = false;
  private ping_timer: Timer | undefined;
  private wake_up: (() => void) | undefined;

  constructor(
    private readonly ports: BackendPorts,
    private readonly options: BackendOptions,
  ) {
    const { random, on_log } = ports;
    this.reader = new ClickHouseReader({ client: () => this.reading, random, on_log }, options.database);
    if (options.url !== 'embedded') return;
    this.engine = new EmbeddedClickHouse({
      data_directory: options.embedded_directory,
      port: options.embedded_port,
      password: options.embedded_password ?? '',
      free_bytes_min: options.embedded_free_bytes_min,
      clock: ports.clock,
      on_log: ports.on_log,
    });
    this.disk_floor = new DiskFloor(options.embedded_directory, options.embedded_free_bytes_min, ports.on_log);
  }

  /**
   * Starts the embedded engine, where that is the one, and resolves when it has answered; a server elsewhere may be away, and is
   * connected to all the same. Rejects with an OperatingError when the engine cannot run here.
   */
  async connect(): Promise<Sink> {
    await this.engine?.start();
    await this.disk_floor?.check();
    const client = createConnection({
      address: this.address(),
      connections_max: this.options.connections_max,
      request_timeout_ms: this.options.request_timeout_ms,
    });
    const sink = new ClickHouseSink({ client, random: this.ports.random }, this.options.database);
    this.connection = { client, sink };
    this.reading = createConnection({
      address: this.address(),
      connections_max: READ_CONNECTIONS_MAX,
      request_timeout_ms: READ_TIMEOUT_MS,
    });
    this.schedulePing();
    return sink;
  }

  /** Brings the schema up to date, however long ClickHouse is away; resolves to false when it was stopped first. */
  async prepare(): Promise<boolean> {
    let delay_ms = MIGRATION_RETRY_MS_MIN;
    while (!this.is_stopped) {
      if (await this.tryMigrate()) return true;
      await this.pause(delay_ms * (0.5 + this.ports.random.fraction() / 2));
      delay_ms = Math.min(delay_ms * 2, MIGRATION_RETRY_MS_MAX);
    }
    return false;
  }

  /** Where clients find it, without credentials; undefined before `connect`. */
  url(): string | undefined {
    return this.connection === undefined ? undefined : this.address().url;
  }

  current(): BackendState {
    return {
      state: this.state,
      is_embedded: this.engine !== undefined,
      has_answered: this.is_migrated,
      last_error: this.last_error,
      engine_pid: this.engine?.pid,
      disk: this.disk_floor?.room,
    };
  }

  /** Ends the connection, then the engine; what is under way in it gets until the deadline. */
  async stop(deadline_ms: number): Promise<void> {
    this.is_stopped = true;
    this.ping_timer?.cancel();
    this.wake_up?.();
    await this.reading?.close();
    await this.connection?.client.close();
    await this.engine?.stop(deadline_ms);
  }

  private address(): ServerAddress {
    if (this.engine === undefined) return ServerAddress.parse(this.options.url);
    const url = new URL(this.engine.url);
    url.username = 'default';
    url.password = encodeURIComponent(this.options.embedded_password ?? '');
    return ServerAddress.parse(url.href);
  }

  private async tryMigrate(): Promise<boolean> {
    const { connection, ports, options } = this;
    if (connection === undefined) return false;
    try {
      const migration_ports = { client: connection.client, clock: ports.clock, random: ports.random };
      const results = await migrate(migration_ports, options.database, [...options.tables, ...options.views]);
      for (const { table, version_found, version_reached, ahead } of results) {
        if (ahead) ports.on_log('schema_is_ahead', { table, version_found });
        else if (version_found < version_reached) ports.on_log('schema_migrated', { table, version_found, version_reached });
      }
      const retentions = await applyRetention(migration_ports, options.database, options.tables, options.retention_months);
      for (const { outcome, ...told } of retentions) ports.on_log(`retention_${outcome}`, told);
      this.engine?.stepBack();
      this.is_migrated = true;
      this.state = 'up';
      this.last_error = undefined;
      return true;
    } catch (error) {
      if (!this.is_stopped) this.note(error, 'schema_migration_failed');
      return false;
    }
  }

  private schedulePing(): void {
    if (this.is_stopped) return;
    this.ping_timer = this.ports.clock.schedule(PING_INTERVAL_MS, () => void this.ping());
  }

  private async ping(): Promise<void> {
    const answer = await this.connection?.client.ping();
    await this.disk_floor?.check();
    if (this.is_stopped || answer === undefined) return;
    if (!answer.success) {
      this.note(answer.error, 'clickhouse_down');
    } else if (this.is_migrated) {
      if (this.state === 'down') this.ports.on_log('clickhouse_up', {});
      this.state = 'up';
      this.last_error = undefined;
    }
    this.schedulePing();
  }

  /** Logs a problem once, not at every try that meets it again. */
  private note(error: unknown, event: string): void {
    const reason = error instanceof Error ? error.message || error.name : String(error);
    if (this.last_error !== reason) this.ports.on_log(event, { reason, ...(error instanceof OperatingError ? { code: error.code } : {}) });
    this.last_error = reason;
    this.state = 'down';
  }

  private pause(delay_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.ports.clock.schedule(delay_ms, resolve);
      this.wake_up = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

/**
 * The registry of a daemon: the embedded one that is always there, the fleet's if one is configured, and the gate on both.
 *
 * Owner of `<data_dir>/registry`.
 */
import { OperatingError } from '../contract/errors.ts';
import type { Gate } from '../contract/gate.ts';
import type { Clock, Random } from '../contract/ports.ts';
import { REMEMBERED_IDS_MAX } from '../contract/remembered.ts';
import type { VersionColumns } from '../contract/table.ts';
import type { SpoolEvents, SpoolRecords, SpoolRows } from '../contract/version_claims.ts';
import { DELIVERY_KEPT_MS } from './claim_keys.ts';
import { ClaimOffice } from './claim_office.ts';
import { DeliveryDesk } from './delivery_desk.ts';
import { DeliveryRecovery } from './delivery_recovery.ts';
import { EarlierDeliveries } from './earlier_deliveries.ts';
import { Facts } from './facts.ts';
import { RegistryGate } from './gate.ts';
import { LmdbClaims } from './lmdb/lmdb_claims.ts';
import { LmdbDeliveries } from './lmdb/lmdb_deliveries.ts';
import { DELIVERY_LIMITS, DESK_LIMITS, type DeskObserver } from './options.ts';
import { PostgresClaims } from './postgres/postgres_claims.ts';
import { VersionDesk } from './version_desk.ts';
import { VersionRecovery } from './version_recovery.ts';

export interface RegistryPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly records: SpoolRecords;
  readonly events: SpoolEvents;
  readonly rows: SpoolRows;
  readonly observers: { readonly local: DeskObserver; readonly fleet: DeskObserver };
}

export interface RegistryOptions {
  /** `embedded`, or `postgres://…`. */
  readonly url: string;
  /** Absolute; the caller holds the data directory's lock. */
  readonly directory: string;
  /** Tables whose rows claim versions. */
  readonly version_tables: ReadonlyMap<string, VersionColumns>;
}

const SEEDS = 2 ** 32;

export class Registry {
  readonly gate: Gate;
  readonly is_embedded: boolean;
  private readonly clock: Clock;
  private readonly embedded: LmdbClaims;
  private readonly kept_deliveries: LmdbDeliveries;
  private readonly facts: Facts;
  private readonly local: ClaimOffice;
  private readonly deliveries: DeliveryDesk;
  private readonly recovery: DeliveryRecovery;
  private readonly versions: VersionDesk;
  private readonly version_recovery: VersionRecovery;
  /** The same as `local` when the registry is embedded. */
  private readonly fleet: ClaimOffice;

  constructor(
    ports: RegistryPorts,
    private readonly options: RegistryOptions,
  ) {
    const { clock, random, records, events, rows, observers } = ports;
    this.clock = clock;
    this.embedded = new LmdbClaims(options.directory);
    const facts = new Facts(this.embedded, random, clock);
    this.facts = facts;
    this.local = new ClaimOffice({ store: this.embedded, clock, records, observer: observers.local }, DESK_LIMITS);
    this.is_embedded = options.url === 'embedded';
    if (this.is_embedded) this.fleet = this.local;
    else {
      const store = new PostgresClaims(options.url, facts);
      this.fleet = new ClaimOffice({ store, clock, records, observer: observers.fleet }, DESK_LIMITS);
    }
    const [store, observer] = [this.embedded, observers.local];
    const seed = Math.floor(random.fraction() * SEEDS);
    const kept = new LmdbDeliveries(store.serial, { kept_ms: DELIVERY_KEPT_MS, ids_in_memory_max: REMEMBERED_IDS_MAX, seed });
    this.kept_deliveries = kept;
    const desk = new DeliveryDesk({ store: kept, earlier: new EarlierDeliveries(store, facts), clock, observer }, DELIVERY_LIMITS);
    this.deliveries = desk;
    this.recovery = new DeliveryRecovery({ desk, store: kept, events, facts, clock });
    this.versions = new VersionDesk({ store, clock, observer }, DESK_LIMITS);
    this.version_recovery = new VersionRecovery({ desk: this.versions, store, rows, clock }, options.version_tables);
    const desks = { deliveries: desk, fleet: this.fleet.desk, versions: this.is_embedded ? this.versions : undefined };
    this.gate = new RegistryGate(desks, facts.fleet, facts.delivery_tables);
  }

  /**
   * Settles what an earlier run left undecided and begins to admit; a fleet's registry that is away is reached later. After the spool has started.
   *
   * @throws `registry_unusable` when the embedded registry cannot be opened
   */
  async start(): Promise<void> {
    await this.openEmbedded();
    // What an older program left undecided of versions is settled before anybody looks at them.
    const versions = this.local.opened.then(() => (this.is_embedded ? this.version_recovery.start() : undefined));
    await Promise.all([this.recovery.start(), ...this.offices().map((office) => office.start())]);
    if (this.local.is_open) await versions;
  }

  /** Before a segment of `table` is sealed. Rejects while that must wait: its rows are the only place where what they claim stands. */
  async beforeSeal(table: string): Promise<void> {
    if (this.is_embedded && this.options.version_tables.has(table)) await this.versions.flushNow();
  }

  /** Before a segment of `table` leaves the spool. */
  async flush(table: string): Promise<void> {
    const is_of_fleet = this.fleet !== this.local && this.facts.fleet.has(table);
    if (this.facts.delivery_tables.has(table)) await this.recovery.opened();
    await Promise.all([this.deliveries.flush(), this.local.flush(table), is_of_fleet ? this.fleet.flush(table) : undefined]);
  }

  /** Why events with claims cannot be decided just now; undefined when they can. */
  problem(): string | undefined {
    return (this.fleet.desk.problem ?? this.local.desk.problem ?? this.versions.problem ?? this.deliveries.problem)?.message;
  }

  async close(): Promise<void> {
    await Promise.all([this.recovery.close(), this.version_recovery.close()]);
    await Promise.all(this.offices().map((office) => office.close()));
    this.kept_deliveries.close();
  }

  private async openEmbedded(): Promise<void> {
    try {
      await this.embedded.open();
      this.kept_deliveries.open(this.embedded.environment(), this.clock.nowMs());
      await this.facts.load();
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      const reason = String(error.context['reason']);
      const unusable = new OperatingError('registry_unusable', { directory: this.options.directory, reason }, { cause: error });
      this.versions.fail(unusable);
      throw unusable;
    }
  }

  private offices(): readonly ClaimOffice[] {
    return this.fleet === this.local ? [this.local] : [this.local, this.fleet];
  }
}

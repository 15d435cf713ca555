/**
 * The registry of a daemon: the embedded one that is always there, the fleet's if one is configured, and the gate on both.
 *
 * Owner of `<data_dir>/registry`.
 */
import { OperatingError } from '../contract/errors.ts';
import type { Gate } from '../contract/gate.ts';
import type { Clock, Random } from '../contract/ports.ts';
import type { SpoolEvents, SpoolRecords } from '../contract/version_claims.ts';
import { ClaimOffice } from './claim_office.ts';
import { DeliveryDesk } from './delivery_desk.ts';
import { DeliveryRecovery } from './delivery_recovery.ts';
import { Facts } from './facts.ts';
import { RegistryGate } from './gate.ts';
import { LmdbClaims } from './lmdb/lmdb_claims.ts';
import { DESK_LIMITS, type DeskObserver } from './options.ts';
import { PostgresClaims } from './postgres/postgres_claims.ts';

export interface RegistryPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly records: SpoolRecords;
  readonly events: SpoolEvents;
  readonly observers: { readonly local: DeskObserver; readonly fleet: DeskObserver };
}

export interface RegistryOptions {
  /** `embedded`, or `postgres://…`. */
  readonly url: string;
  /** Absolute; the caller holds the data directory's lock. */
  readonly directory: string;
}

export class Registry {
  readonly gate: Gate;
  readonly is_embedded: boolean;
  private readonly embedded: LmdbClaims;
  private readonly facts: Facts;
  private readonly local: ClaimOffice;
  private readonly deliveries: DeliveryDesk;
  private readonly recovery: DeliveryRecovery;
  /** The same as `local` when the registry is embedded. */
  private readonly fleet: ClaimOffice;

  constructor(
    ports: RegistryPorts,
    private readonly options: RegistryOptions,
  ) {
    const { clock, random, records, events, observers } = ports;
    this.embedded = new LmdbClaims(options.directory);
    const facts = new Facts(this.embedded, random);
    this.facts = facts;
    this.local = new ClaimOffice({ store: this.embedded, clock, records, observer: observers.local }, DESK_LIMITS);
    this.is_embedded = options.url === 'embedded';
    if (this.is_embedded) this.fleet = this.local;
    else {
      const store = new PostgresClaims(options.url, facts);
      this.fleet = new ClaimOffice({ store, clock, records, observer: observers.fleet }, DESK_LIMITS);
    }
    const [store, observer] = [this.embedded, observers.local];
    const desk = new DeliveryDesk({ store, clock, observer }, DESK_LIMITS);
    this.deliveries = desk;
    this.recovery = new DeliveryRecovery({ desk, store, events, facts, clock, observer });
    this.gate = new RegistryGate({ local: desk, fleet: this.fleet.desk }, facts.fleet, facts.delivery_tables);
  }

  /**
   * Settles what an earlier run left undecided and begins to admit; a fleet's registry that is away is reached later. After the spool has started.
   *
   * @throws `registry_unusable` when the embedded registry cannot be opened
   */
  async start(): Promise<void> {
    await this.openEmbedded();
    await Promise.all([this.recovery.start(), ...this.offices().map((office) => office.start())]);
  }

  /** Before a segment of `table` leaves the spool. */
  async flush(table: string): Promise<void> {
    const is_of_fleet = this.fleet !== this.local && this.facts.fleet.has(table);
    await Promise.all([this.deliveries.flush(), this.local.flush(table), is_of_fleet ? this.fleet.flush(table) : undefined]);
  }

  /** Why events with claims cannot be decided just now; undefined when they can. */
  problem(): string | undefined {
    return (this.fleet.desk.problem ?? this.local.desk.problem ?? this.deliveries.problem)?.message;
  }

  async close(): Promise<void> {
    await this.recovery.close();
    await Promise.all(this.offices().map((office) => office.close()));
  }

  private async openEmbedded(): Promise<void> {
    try {
      await this.embedded.open();
      await this.facts.load();
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      const reason = String(error.context['reason']);
      throw new OperatingError('registry_unusable', { directory: this.options.directory, reason }, { cause: error });
    }
  }

  private offices(): readonly ClaimOffice[] {
    return this.fleet === this.local ? [this.local] : [this.local, this.fleet];
  }
}

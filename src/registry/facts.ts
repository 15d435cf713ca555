/**
 * What a data directory knows of itself and must know at its next start: its name toward a fleet, what it ever claimed there, and how
 * its deliveries stand. Kept in the embedded registry.
 */
import type { Clock, Random } from '../contract/ports.ts';
import { DELIVERY_KEPT_MS } from './claim_keys.ts';
import type { TableNotes } from './gate.ts';
import type { LmdbClaims } from './lmdb/lmdb_claims.ts';

const INSTANCE_FACT = 'instance_id';
/** Names with commas between. */
const FLEET_TABLES_FACT = 'fleet_tables';
const DELIVERY_TABLES_FACT = 'delivery_tables';
const ENDED_WELL_FACT = 'deliveries_ended_well';
const EARLIER_FACT = 'deliveries_as_entries_until_ms';

/** What is noted of the deliveries; every method resolves when it is durable, or rejects with `registry_unavailable`. */
export interface DeliveryFacts {
  readonly delivery_tables: Iterable<string>;
  /** The run before wrote all its deliveries into the registry. */
  readonly ended_well: boolean;
  setEndedWell(ended_well: boolean): Promise<void>;
}

export class Facts implements DeliveryFacts {
  /** Empty before `load`. */
  instance_id = '';
  ended_well = true;
  /** Until when deliveries may stand there as an earlier program kept them; 0 where it kept none. */
  earlier_until_ms = 0;
  /** Tables with events that claimed at the fleet's registry, or are deliveries. */
  readonly fleet: NotedTables;
  readonly delivery_tables: NotedTables;

  constructor(
    private readonly embedded: LmdbClaims,
    private readonly random: Random,
    private readonly clock: Clock,
  ) {
    this.fleet = new NotedTables(embedded, FLEET_TABLES_FACT);
    this.delivery_tables = new NotedTables(embedded, DELIVERY_TABLES_FACT);
  }

  /** Once the embedded registry is open. Makes the name at the first start. */
  async load(): Promise<void> {
    const { embedded } = this;
    const present = embedded.fact(INSTANCE_FACT);
    this.instance_id = present ?? this.random.uuid();
    if (present === undefined) await embedded.setFact(INSTANCE_FACT, this.instance_id);
    this.fleet.load();
    this.delivery_tables.load();
    this.ended_well = embedded.fact(ENDED_WELL_FACT) === 'true';
    await this.loadEarlier();
  }

  async setEndedWell(ended_well: boolean): Promise<void> {
    if (this.ended_well === ended_well) return;
    await this.embedded.setFact(ENDED_WELL_FACT, String(ended_well));
    this.ended_well = ended_well;
  }

  /** The first start of this program on the directory tells what an earlier one left. */
  private async loadEarlier(): Promise<void> {
    const { embedded, clock } = this;
    const noted = embedded.fact(EARLIER_FACT);
    const has_earlier = [...this.delivery_tables].length > 0;
    this.earlier_until_ms = noted === undefined ? (has_earlier ? clock.nowMs() + DELIVERY_KEPT_MS : 0) : Number(noted);
    if (noted === undefined) await embedded.setFact(EARLIER_FACT, String(this.earlier_until_ms));
  }
}

class NotedTables implements TableNotes, Iterable<string> {
  private tables: ReadonlySet<string> = new Set();

  constructor(
    private readonly embedded: LmdbClaims,
    private readonly fact: string,
  ) {}

  load(): void {
    this.tables = new Set(this.embedded.fact(this.fact)?.split(','));
  }

  [Symbol.iterator](): Iterator<string> {
    return this.tables.values();
  }

  has(table: string): boolean {
    return this.tables.has(table);
  }

  async add(table: string): Promise<void> {
    const tables = new Set([...this.tables, table]);
    await this.embedded.setFact(this.fact, [...tables].join(','));
    this.tables = tables;
  }
}

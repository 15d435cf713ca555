/** What a data directory knows of itself and must know at its next start: its name toward a fleet, and what it ever claimed there. Kept in the embedded registry. */
import type { Random } from '../contract/ports.ts';
import type { FleetTables } from './gate.ts';
import type { LmdbClaims } from './lmdb/lmdb_claims.ts';

const INSTANCE_FACT = 'instance_id';
/** Names with commas between. */
const TABLES_FACT = 'fleet_tables';

export class Facts implements FleetTables {
  /** Empty before `load`. */
  instance_id = '';
  private tables: ReadonlySet<string> = new Set();

  constructor(
    private readonly embedded: LmdbClaims,
    private readonly random: Random,
  ) {}

  /** Once the embedded registry is open. Makes the name at the first start. */
  async load(): Promise<void> {
    const present = this.embedded.fact(INSTANCE_FACT);
    this.instance_id = present ?? this.random.uuid();
    if (present === undefined) await this.embedded.setFact(INSTANCE_FACT, this.instance_id);
    this.tables = new Set(this.embedded.fact(TABLES_FACT)?.split(','));
  }

  has(table: string): boolean {
    return this.tables.has(table);
  }

  async add(table: string): Promise<void> {
    const tables = new Set([...this.tables, table]);
    await this.embedded.setFact(TABLES_FACT, [...tables].join(','));
    this.tables = tables;
  }
}

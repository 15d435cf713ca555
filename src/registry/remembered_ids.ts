/**
 * The ids of deliveries that are kept in memory, in the order in which they came: whether an event was delivered is asked for each of them, and mostly
 * it was not.
 *
 * They stand in generations, each a table, since what expires, or becomes too much, is the oldest: a generation is forgotten as a whole. Ids come in
 * rows, which are what the registry has of them; a row stands in one generation.
 */
import { ID_BYTES, ID_WORDS, IdTable, type IdWords } from './id_table.ts';

/** A row of the registry whose ids are remembered. */
export interface RememberedRow {
  readonly key: string;
  readonly ids: number;
  readonly expires_at_ms: number;
}

interface Generation {
  readonly table: IdTable;
  /** Those that were not taken out. */
  rows: RememberedRow[];
  expires_at_ms: number;
}

export class RememberedIds {
  private generations: Generation[] = [];
  private readonly word = new Int32Array(ID_WORDS);

  constructor(
    /** As of `IdTable`. */
    private readonly seed: number,
    /** At most `TABLE_IDS_MAX`; a row with more has a generation of its own. */
    private readonly generation_ids_max: number,
  ) {}

  get count(): number {
    return this.generations.reduce((sum, { table }) => sum + table.count, 0);
  }

  /** Those that came last are asked for first: who repeats does so soon. */
  has(id: IdWords): boolean {
    for (let index = this.generations.length - 1; index >= 0; index--) {
      if (this.generations[index].table.has(id)) return true;
    }
    return false;
  }

  /** @param ids of the row, in binary */
  add(row: RememberedRow, ids: Buffer): void {
    const generation = this.generationFor(row.ids);
    generation.rows.push(row);
    generation.expires_at_ms = Math.max(generation.expires_at_ms, row.expires_at_ms);
    for (let at = 0; at < ids.length; at += ID_BYTES) {
      for (let word = 0; word < ID_WORDS; word++) this.word[word] = ids.readInt32LE(at + 4 * word);
      generation.table.add(this.word);
    }
  }

  /** Forgets what has expired. */
  expire(now_ms: number): void {
    this.generations = this.generations.filter(({ expires_at_ms }) => expires_at_ms > now_ms);
  }

  /** The oldest rows, with at least so many ids in all where there are as many. They stay until they are taken out. */
  oldestRows(ids_min: number): readonly RememberedRow[] {
    const rows: RememberedRow[] = [];
    let ids = 0;
    for (const row of this.generations[0]?.rows ?? []) {
      if (ids >= ids_min) break;
      rows.push(row);
      ids += row.ids;
    }
    return rows;
  }

  /** The oldest rows are remembered elsewhere. Their ids go when no row of their generation is left. */
  takeOut(rows: readonly RememberedRow[]): void {
    const [oldest] = this.generations;
    oldest.rows = oldest.rows.filter((row) => !rows.includes(row));
    if (oldest.rows.length === 0) this.generations.shift();
  }

  private generationFor(ids: number): Generation {
    const last = this.generations.at(-1);
    if (last !== undefined && last.table.count + ids <= this.generation_ids_max) return last;
    const generation = { table: new IdTable(this.seed), rows: [], expires_at_ms: 0 };
    this.generations.push(generation);
    return generation;
  }
}

/** Metrics of the dead letters: rows that ClickHouse rejected for good. */
import { Counter, Gauge, type Registry } from 'prom-client';

export class LetterMetrics {
  private readonly letters: Counter<'table'>;
  private readonly replays: Counter<'table'>;

  /** @param read how many dead letters each table has */
  constructor(registry: Registry, tables: readonly string[], read: () => Readonly<Record<string, number>>) {
    const registers = [registry];
    const label_names = ['table'] as const;
    const lettered = 'Rows that ClickHouse rejected and that were set aside.';
    const replayed = 'Dead letters that were put back into the queue.';
    this.letters = new Counter({ name: 'penstock_dead_lettered_rows_total', help: lettered, labelNames: label_names, registers });
    this.replays = new Counter({ name: 'penstock_dead_letters_replayed_total', help: replayed, labelNames: label_names, registers });
    const present: Gauge<'table'> = new Gauge({
      name: 'penstock_dead_letters',
      help: 'Rows that are set aside now, to be replayed or thrown away by a person.',
      labelNames: label_names,
      registers,
      collect: () => {
        const counts = read();
        for (const table of tables) present.set({ table }, counts[table] ?? 0);
      },
    });
    for (const table of tables) {
      this.letters.inc({ table }, 0);
      this.replays.inc({ table }, 0);
    }
  }

  deadLettered(table: string): void {
    this.letters.inc({ table });
  }

  replayed(table: string): void {
    this.replays.inc({ table });
  }
}

/**
 * The next segment of a busy table, whose file is made while the one before it fills: its name and its header are durable when the first record comes.
 * Otherwise all who wait at that moment would wait for that, too, and one request in a hundred is such a one.
 *
 * Owner of these writers until `take`. At most one per table. A crash leaves a file without records, which the next start removes as it does any other.
 */
import type { SegmentWriter } from './segment_writer.ts';

interface Spare {
  readonly writer: SegmentWriter;
  is_ready: boolean;
  /** Never rejects. */
  settled: Promise<void>;
}

export class SpareSegments {
  private readonly by_table = new Map<string, Spare>();
  private readonly discarding = new Set<Promise<void>>();

  constructor(private readonly create: (table: string, month: number) => SegmentWriter) {}

  /** Begins to make one ready, unless that was done already. */
  prepare(table: string, month: number): void {
    const present = this.by_table.get(table);
    if (present?.writer.header.month === month) return;
    if (present !== undefined) this.discard(present);
    const spare: Spare = { writer: this.create(table, month), is_ready: false, settled: Promise.resolve() };
    this.by_table.set(table, spare);
    spare.settled = spare.writer.prepare().then(
      () => {
        spare.is_ready = true;
      },
      // Whatever it was, the segment that begins without it meets it again, and says so.
      () => this.discard(spare),
    );
  }

  /** Undefined: none is ready. */
  take(table: string, month: number): SegmentWriter | undefined {
    const spare = this.by_table.get(table);
    if (spare?.is_ready !== true || spare.writer.header.month !== month) return undefined;
    this.by_table.delete(table);
    return spare.writer;
  }

  /** Resolves when there is none any more, and no file of one. */
  async clear(): Promise<void> {
    for (const spare of this.by_table.values()) this.discard(spare);
    while (this.discarding.size > 0) await Promise.all(this.discarding);
  }

  private discard(spare: Spare): void {
    const { table } = spare.writer.header;
    if (this.by_table.get(table) === spare) this.by_table.delete(table);
    const discarding = Promise.resolve()
      .then(() => spare.settled)
      .then(() => spare.writer.close())
      .finally(() => this.discarding.delete(discarding));
    this.discarding.add(discarding);
  }
}

/**
 * Tells whether a request brings an event that counts more than others, by what stands in the column that its source declares. It is asked only
 * while the spool has little room left.
 */
import type { ColumnStore } from '../../kernel/column_store.ts';

export class PriorityWatch {
  /** Only requests with an event of one of these are to be stored. */
  private types: readonly string[] | undefined;

  /** @param column the kernel's number of a dictionary column; undefined for a source without one, of which whatever comes is taken */
  constructor(
    private readonly store: ColumnStore,
    private readonly column: number | undefined,
  ) {}

  /** Begins a slab. Undefined types: whatever comes is taken. */
  begin(types: readonly string[] | undefined): void {
    this.types = types;
  }

  /** Whether the request in hand, of so many rows, is to be stored. */
  admits(rows: number): boolean {
    const { column, types } = this;
    if (types === undefined || column === undefined || rows === 0) return true;
    return types.some((type) => this.store.holdsText(column, type));
  }
}

/**
 * Notices whether a request brings an event that counts more than others, by what its decoder writes into the column that the source
 * declares. It is asked only while the spool has little room left; the events are then all read by the decoder.
 */
import type { BatchSource, RowWriter, TextWriter } from '../../contract/source.ts';

export class PriorityWatch {
  private types: ReadonlySet<string> = new Set();
  private has_seen = false;
  /** Whether only requests with such an event are to be stored. */
  is_on = false;

  constructor(private readonly priority: BatchSource['priority']) {}

  /** Begins a slab. Undefined types, or a source without such a column: whatever comes is taken. */
  begin(types: readonly string[] | undefined): void {
    this.types = new Set(types);
    this.is_on = types !== undefined && this.priority !== undefined;
  }

  beginRequest(): void {
    this.has_seen = false;
  }

  /** Whether the rows since `beginRequest` are to be stored. */
  admits(rows: number): boolean {
    return !this.is_on || rows === 0 || this.has_seen;
  }

  /** The writer of a table's rows, watched where it is the declared one. */
  watching(table: string, rows: RowWriter): RowWriter {
    const { priority } = this;
    if (priority?.table !== table) return rows;
    return {
      text: (column) => (column === priority.column ? this.watchingText(rows.text(column)) : rows.text(column)),
      time: (column) => rows.time(column),
      uuid: (column) => rows.uuid(column),
      end: (received_at_ms) => rows.end(received_at_ms),
    };
  }

  private watchingText(writer: TextWriter): TextWriter {
    return {
      append: (text) => {
        if (this.types.has(text)) this.has_seen = true;
        writer.append(text);
      },
    };
  }
}

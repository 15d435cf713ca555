/**
 * Writers of a block's columns, as decoders see them. The data is the kernel's, which fills the same columns with the events that
 * it reads itself; a writer only knows its column's number. Owner: the `BlockBuilder` of their table.
 */
import type { TextWriter, TimeWriter, UuidWriter } from '../../contract/source.ts';
import type { ColumnStore } from '../../kernel/column_store.ts';

/** `string`, `json` and `dictionary`. A lone surrogate becomes U+FFFD. */
export class TextColumn implements TextWriter {
  constructor(
    private readonly store: ColumnStore,
    private readonly column: number,
  ) {}

  append(text: string): void {
    this.store.appendText(this.column, text);
  }
}

/** `datetime64`: Int64 milliseconds since the epoch; no time before the epoch is ever received. */
export class TimeColumn implements TimeWriter {
  constructor(
    private readonly store: ColumnStore,
    private readonly column: number,
  ) {}

  append(time_ms: number): void {
    this.store.appendTime(this.column, time_ms);
  }
}

/** `uuid`: 16 bytes, two little-endian u64, high half first. */
export class UuidColumn implements UuidWriter {
  constructor(
    private readonly store: ColumnStore,
    private readonly column: number,
  ) {}

  append(words: Uint32Array): void {
    this.store.appendUuid(this.column, words);
  }
}

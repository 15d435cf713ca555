/**
 * One column on its way from the records into the Native block. A part takes the column's chunk of each record in turn and in the end has written the
 * whole column, its name and type first.
 *
 * `StreamedPart` writes at once and needs no memory; it can only be the first of those that are read together. The others hold their column until it is
 * their turn: `HeldPart` the bytes, `DictionaryPart` two bytes per row.
 */
import { readVaruint } from '../../base/varint.ts';
import { COLUMN_TYPES, type Column } from '../../contract/table.ts';
import { type DictionaryChunk, MergedDictionary, readIndex } from './merged_dictionary.ts';
import { columnHead, entriesHead, indexesHead, jsonHead } from './native_heads.ts';
import type { NativeWriter } from './native_writer.ts';
import type { Pacer } from './pacer.ts';
import type { SealMemory } from './seal_memory.ts';

export interface ColumnPart {
  /** Before the first chunk. */
  begin(output: NativeWriter): Promise<void>;
  /** Without a promise it has taken the chunk at once: there are as many of them as records times columns. */
  take(chunk: DictionaryChunk, output: NativeWriter): Promise<void> | undefined;
  /** After the last chunk of all, in the order of the columns. `overflowed`: nothing was written; write the column as strings. */
  finish(output: NativeWriter): Promise<'written' | 'overflowed'>;
}

const ROWS_PER_LOOK = 1024;
const STRINGS_BYTES = 1 << 15;

/** What stands before a column's values, of the kinds that have no dictionary. */
export function plainHead({ name, kind }: Column): Buffer {
  const head = columnHead(name, COLUMN_TYPES[kind]);
  return kind === 'json' ? Buffer.concat([head, jsonHead()]) : head;
}

export class StreamedPart implements ColumnPart {
  constructor(private readonly column: Column) {}

  async begin(output: NativeWriter): Promise<void> {
    await output.write(plainHead(this.column));
  }

  take(chunk: DictionaryChunk, output: NativeWriter): Promise<void> | undefined {
    return output.write(chunk.bytes);
  }

  async finish(): Promise<'written'> {
    return 'written';
  }
}

export class HeldPart implements ColumnPart {
  private readonly held: Buffer;
  private held_bytes = 0;

  constructor(
    private readonly column: Column,
    data_bytes: number,
    memory: SealMemory,
  ) {
    this.held = memory.hold(data_bytes);
  }

  async begin(): Promise<void> {}

  take(chunk: DictionaryChunk): undefined {
    this.held.set(chunk.bytes, this.held_bytes);
    this.held_bytes += chunk.bytes.length;
  }

  async finish(output: NativeWriter): Promise<'written'> {
    await output.write(plainHead(this.column));
    await output.write(this.held);
    return 'written';
  }
}

export class DictionaryPart implements ColumnPart {
  private readonly dictionary: MergedDictionary;

  constructor(
    private readonly column: Column,
    private readonly rows: number,
    memory: SealMemory,
    pacer: Pacer,
  ) {
    this.dictionary = new MergedDictionary(memory.hold(rows * Uint16Array.BYTES_PER_ELEMENT), pacer);
  }

  async begin(): Promise<void> {}

  take(chunk: DictionaryChunk): Promise<void> | undefined {
    return this.dictionary.add(chunk);
  }

  async finish(output: NativeWriter): Promise<'written' | 'overflowed'> {
    if (this.dictionary.overflowed) return 'overflowed';
    await output.write(columnHead(this.column.name, COLUMN_TYPES.dictionary));
    await output.write(entriesHead(this.dictionary.entries, this.dictionary.indexWidthBytes()));
    await output.write(await this.dictionary.entriesBytes());
    await output.write(indexesHead(this.rows));
    await output.write(this.dictionary.indexBytes());
    return 'written';
  }
}

/** A dictionary column with too many values for one: written as plain strings, which ClickHouse converts by itself. */
export class UnfoldedPart implements ColumnPart {
  private readonly strings = Buffer.allocUnsafe(STRINGS_BYTES);

  constructor(
    private readonly column: Column,
    private readonly pacer: Pacer,
  ) {}

  async begin(output: NativeWriter): Promise<void> {
    await output.write(columnHead(this.column.name, COLUMN_TYPES.string));
  }

  async take(chunk: DictionaryChunk, output: NativeWriter): Promise<void> {
    const starts = entryStarts(chunk);
    let filled_bytes = 0;
    for (let row = 0; row < chunk.rows; row++) {
      const index = readIndex(chunk.bytes, chunk.dictionary_bytes + row * chunk.index_width_bytes, chunk.index_width_bytes);
      // An entry stands in the chunk as a row of a String column does: its length, its bytes.
      const entry = chunk.bytes.subarray(starts[index], starts[index + 1]);
      if (filled_bytes + entry.length > STRINGS_BYTES) {
        await output.write(this.strings.subarray(0, filled_bytes));
        filled_bytes = 0;
      }
      if (entry.length > STRINGS_BYTES) await output.write(entry);
      else {
        this.strings.set(entry, filled_bytes);
        filled_bytes += entry.length;
      }
      if (row % ROWS_PER_LOOK === 0 && this.pacer.isDue()) await this.pacer.pause();
    }
    await output.write(this.strings.subarray(0, filled_bytes));
  }

  async finish(): Promise<'written'> {
    return 'written';
  }
}

/** Where each entry begins, and behind the last where the entries end. */
function entryStarts(chunk: DictionaryChunk): Uint32Array {
  const starts = new Uint32Array(chunk.entries + 1);
  let at = 0;
  for (let entry = 0; entry < chunk.entries; entry++) {
    starts[entry] = at;
    const length = readVaruint(chunk.bytes, at);
    at = length.next_offset + length.value;
  }
  starts[chunk.entries] = at;
  return starts;
}

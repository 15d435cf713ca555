/**
 * The host's side of the kernel's columns: the slow path appends to the same ones as the kernel, so that the order of rows is
 * that of the events. An append that finds no memory is noted (`isExhausted`), and the request is then taken back.
 */
import { assert } from '../base/assert.ts';
import { copyShared } from '../base/shared_copy.ts';
import type { BlockColumn } from '../contract/block.ts';
import { type Instance, unsigned } from './instance.ts';

const KINDS = { text: 0, dictionary: 1, fixed: 2 } as const;
const UTF8_BYTES_PER_CHARACTER_MAX = 3;
const ASCII_LOOP_CHARACTERS_MAX = 127;
const SCRATCH_BYTES_MIN = 4096;
const DESCRIPTION_WORDS = 4;

/** The data of one table's columns, one behind the other, until the next slab. */
export interface FinishedColumns {
  readonly columns: readonly BlockColumn[];
  readonly bytes: number;
  copyTo(output: Buffer, at: number): void;
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}

export class ColumnStore {
  private readonly encoder = new TextEncoder();
  /** Bytes of the scratch space that are sure to be there, and their address. */
  private scratch_bytes = 0;
  private scratch = 0;
  private columns = 0;

  constructor(private readonly instance: Instance) {}

  /** Creates a column and returns its number; they are numbered from 0 on. */
  create(kind: keyof typeof KINDS): number {
    let column = -1;
    this.instance.setUp(() => {
      column = this.instance.wasm.createColumn(KINDS[kind]);
      assert(column >= 0, 'BUG: there are more columns than the kernel has room for');
    });
    this.columns++;
    return column;
  }

  /** How many columns there are: the number of the next. */
  count(): number {
    return this.columns;
  }

  /** After a slab was loaded, when all columns are empty again. */
  begin(): void {
    this.scratch_bytes = 0;
  }

  /** Appends a text as UTF-8; a lone surrogate becomes U+FFFD. */
  appendText(column: number, text: string): void {
    const bytes = this.putText(text);
    if (bytes !== undefined) this.instance.wasm.appendText(column, this.scratch, bytes);
  }

  /** Whether a row of the request in hand has the text in a dictionary column. */
  holdsText(column: number, text: string): boolean {
    const bytes = this.putText(text);
    return bytes !== undefined && this.instance.wasm.holdsTextOf(column, this.scratch, bytes) !== 0;
  }

  appendTime(column: number, time_ms: number): void {
    this.instance.wasm.appendTimeMs(column, time_ms);
  }

  appendUuid(column: number, words: Uint32Array): void {
    const { wasm } = this.instance;
    const { bytes } = this.instance;
    const address = unsigned(wasm.digestAddress());
    for (let index = 0; index < words.length; index++) writeWord(bytes, address + index * 4, words[index]);
    wasm.appendDigest(column);
  }

  /** Whether some append of the slab found no memory. */
  isExhausted(): boolean {
    return this.instance.wasm.isExhausted() !== 0;
  }

  /** Takes back all rows of the request in hand. */
  rollBack(): void {
    this.instance.wasm.rollBack();
  }

  /** The data of `count` columns from `first` on; undefined when there is no memory. */
  finish(first: number, count: number): FinishedColumns | undefined {
    const { instance } = this;
    const address = unsigned(instance.wasm.finishColumns(first, count));
    if (address === 0) return undefined;
    const { buffer } = instance.wasm.memory;
    const words = new Uint32Array(buffer, unsigned(instance.wasm.descriptionsAddress()), count * DESCRIPTION_WORDS);
    const columns = Array.from({ length: count }, (_, index) => {
      const at = index * DESCRIPTION_WORDS;
      return {
        data_bytes: words[at],
        dictionary_entries: words[at + 1],
        dictionary_bytes: words[at + 2],
        index_width_bytes: words[at + 3],
      };
    });
    const bytes = columns.reduce((sum, column) => sum + column.data_bytes, 0);
    return { columns, bytes, copyTo: (output, at) => copyShared(output, at, instance.bytes.subarray(address, address + bytes)) };
  }

  /** Puts a text into the scratch space, and returns its length there; undefined when there is no memory. */
  private putText(text: string): number | undefined {
    if (!this.hasScratch(text.length * UTF8_BYTES_PER_CHARACTER_MAX)) return undefined;
    return this.putAscii(text) ? text.length : this.putUtf8(text);
  }

  /** One call into Node costs as much as copying a short text, and most are ASCII. */
  private putAscii(text: string): boolean {
    const { length } = text;
    if (length > ASCII_LOOP_CHARACTERS_MAX) return false;
    const { bytes } = this.instance;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 127) return false;
      bytes[this.scratch + index] = code;
    }
    return true;
  }

  private putUtf8(text: string): number {
    const room = this.instance.bytes.subarray(this.scratch, this.scratch + this.scratch_bytes);
    return this.encoder.encodeInto(text, room).written;
  }

  private hasScratch(bytes: number): boolean {
    if (bytes <= this.scratch_bytes) return true;
    const room = Math.max(bytes, SCRATCH_BYTES_MIN);
    this.scratch = unsigned(this.instance.wasm.scratchAddress(room));
    this.scratch_bytes = this.scratch === 0 ? 0 : room;
    return this.scratch !== 0;
  }
}

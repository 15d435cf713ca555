/**
 * Writers of a block's columns: they grow as rows come, are copied out once into the block, and start again for the next slab
 * with the memory they have. Owner: the `BlockBuilder` of their table.
 */
import { writeVaruint } from '../../base/varint.ts';
import { type BlockColumn, indexWidthBytes } from '../../contract/block.ts';
import type { TextWriter, TimeWriter, UuidWriter } from '../../contract/source.ts';

const CAPACITY_BYTES_MIN = 4096;
/** Texts up to this many characters are first tried as ASCII in JavaScript: one call into Node costs as much as copying them. */
const ASCII_LOOP_CHARACTERS_MAX = 127;
const UTF8_BYTES_PER_CHARACTER_MAX = 3;
const DIGEST_WORDS = 4;
const WORD = 2 ** 32;

/** What every writer can do for its block. */
export interface ColumnWriter {
  /** How the block's header describes what was written. */
  describe(): BlockColumn;
  /** Copies the data to `at` and returns the offset after it. */
  copyTo(block: Uint8Array, at: number): number;
  reset(): void;
}

function doubled(words: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(words.length * 2);
  grown.set(words);
  return grown;
}

const NO_DICTIONARY = { dictionary_entries: 0, dictionary_bytes: 0, index_width_bytes: 0 };

/** `string` and `json`: varuint length and UTF-8 bytes per row. A lone surrogate becomes U+FFFD. */
export class TextColumn implements ColumnWriter, TextWriter {
  private bytes = Buffer.allocUnsafeSlow(CAPACITY_BYTES_MIN);
  private used = 0;

  append(text: string): void {
    const { length } = text;
    this.reserve(length * UTF8_BYTES_PER_CHARACTER_MAX + 5);
    if (length > ASCII_LOOP_CHARACTERS_MAX || !this.appendAscii(text, length)) this.appendUtf8(text);
  }

  describe(): BlockColumn {
    return { data_bytes: this.used, ...NO_DICTIONARY };
  }

  copyTo(block: Uint8Array, at: number): number {
    block.set(this.bytes.subarray(0, this.used), at);
    return at + this.used;
  }

  reset(): void {
    this.used = 0;
  }

  private appendAscii(text: string, length: number): boolean {
    const { bytes } = this;
    let at = this.used;
    bytes[at++] = length;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 127) return false;
      bytes[at++] = code;
    }
    this.used = at;
    return true;
  }

  private appendUtf8(text: string): void {
    const length = Buffer.byteLength(text);
    const at = writeVaruint(this.bytes, this.used, length);
    this.used = at + this.bytes.write(text, at);
  }

  private reserve(more_bytes: number): void {
    if (this.used + more_bytes <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.used + more_bytes));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
  }
}

/** `dictionary`: each different text once, and an index per row. */
export class DictionaryColumn implements ColumnWriter, TextWriter {
  private readonly entries = new TextColumn();
  private readonly index_of = new Map<string, number>();
  private indexes = new Uint32Array(1024);
  private rows = 0;
  private last_text = '';
  private last_index = -1;

  append(text: string): void {
    if (this.rows === this.indexes.length) this.indexes = doubled(this.indexes);
    if (this.last_index < 0 || text !== this.last_text) {
      this.last_index = this.indexOf(text);
      this.last_text = text;
    }
    this.indexes[this.rows++] = this.last_index;
  }

  describe(): BlockColumn {
    const dictionary_bytes = this.entries.describe().data_bytes;
    const index_width_bytes = indexWidthBytes(this.index_of.size);
    const data_bytes = dictionary_bytes + this.rows * index_width_bytes;
    return { data_bytes, dictionary_entries: this.index_of.size, dictionary_bytes, index_width_bytes };
  }

  copyTo(block: Uint8Array, at: number): number {
    let next = this.entries.copyTo(block, at);
    const width = indexWidthBytes(this.index_of.size);
    for (let row = 0; row < this.rows; row++) {
      const index = this.indexes[row];
      block[next++] = index;
      if (width > 1) block[next++] = index >>> 8;
      if (width > 2) {
        block[next++] = index >>> 16;
        block[next++] = index >>> 24;
      }
    }
    return next;
  }

  reset(): void {
    this.entries.reset();
    this.index_of.clear();
    this.rows = 0;
    this.last_index = -1;
  }

  private indexOf(text: string): number {
    const known = this.index_of.get(text);
    if (known !== undefined) return known;
    // Texts that differ only in lone surrogates have the same bytes, and entries must differ.
    const well_formed = text.toWellFormed();
    if (well_formed !== text) return this.indexOf(well_formed);
    const index = this.index_of.size;
    this.index_of.set(text, index);
    this.entries.append(text);
    return index;
  }
}

/** `datetime64`: Int64 milliseconds since the epoch, as two words; no time before the epoch is ever received. */
export class TimeColumn implements ColumnWriter, TimeWriter {
  private words = new Uint32Array(2048);
  private rows = 0;

  append(time_ms: number): void {
    const at = this.rows * 2;
    if (at === this.words.length) this.words = doubled(this.words);
    this.words[at] = time_ms % WORD;
    this.words[at + 1] = time_ms / WORD;
    this.rows++;
  }

  describe(): BlockColumn {
    return { data_bytes: this.rows * 8, ...NO_DICTIONARY };
  }

  copyTo(block: Uint8Array, at: number): number {
    block.set(new Uint8Array(this.words.buffer, 0, this.rows * 8), at);
    return at + this.rows * 8;
  }

  reset(): void {
    this.rows = 0;
  }
}

/** `uuid`: 16 bytes, two little-endian u64, high half first. */
export class UuidColumn implements ColumnWriter, UuidWriter {
  private words = new Uint32Array(1024 * DIGEST_WORDS);
  private rows = 0;

  append(words: Uint32Array): void {
    const at = this.rows * DIGEST_WORDS;
    if (at === this.words.length) this.words = doubled(this.words);
    for (let word = 0; word < DIGEST_WORDS; word++) this.words[at + word] = words[word];
    this.rows++;
  }

  describe(): BlockColumn {
    return { data_bytes: this.rows * 16, ...NO_DICTIONARY };
  }

  copyTo(block: Uint8Array, at: number): number {
    block.set(new Uint8Array(this.words.buffer, 0, this.rows * 16), at);
    return at + this.rows * 16;
  }

  reset(): void {
    this.rows = 0;
  }
}

/**
 * The columns of `SingleRows`: each takes one value of the row in hand, and adds it to its data when the row is kept.
 */
import { assert } from '../../base/assert.ts';
import { copyShared } from '../../base/shared_copy.ts';
import { VARUINT_BYTES_MAX, writeVaruint } from '../../base/varint.ts';
import { type BlockColumn, indexWidthBytes } from '../../contract/block.ts';
import type { NumberWriter, SingleTextWriter, TimeWriter, UuidWriter } from '../../contract/source.ts';
import type { Column } from '../../contract/table.ts';

const KEPT_BYTES_MAX = 256 * 1024;
const CAPACITY_BYTES_MIN = 1024;
/** So short that a loop is done before a call into the runtime has begun. */
const SHORT_CHARACTERS_MAX = 24;

/** Bytes that grow; those before `used` count. */
class GrowingBytes {
  bytes = Buffer.allocUnsafeSlow(CAPACITY_BYTES_MIN);
  used = 0;

  begin(): void {
    this.used = 0;
    if (this.bytes.length > KEPT_BYTES_MAX) this.bytes = Buffer.allocUnsafeSlow(CAPACITY_BYTES_MIN);
  }

  /** Makes room for so many bytes from `at` on. */
  reserve(at: number, more_bytes: number): void {
    const needed = at + more_bytes;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length));
    larger.set(this.bytes.subarray(0, at));
    this.bytes = larger;
  }

  copyTo(output: Buffer, offset: number): number {
    copyShared(output, offset, this.bytes.subarray(0, this.used));
    return offset + this.used;
  }
}

abstract class RowsColumn {
  /** Whether the row in hand has its value. */
  is_set = false;
  readonly name: string;
  protected readonly data = new GrowingBytes();

  constructor(column: Column) {
    this.name = column.name;
  }

  begin(): void {
    this.is_set = false;
    this.data.begin();
  }

  discard(): void {
    this.is_set = false;
  }

  layout(): BlockColumn {
    return { data_bytes: this.data.used, dictionary_entries: 0, dictionary_bytes: 0, index_width_bytes: 0 };
  }

  /** Returns the offset behind the data. */
  copyTo(output: Buffer, offset: number): number {
    return this.data.copyTo(output, offset);
  }

  abstract keep(): void;

  protected set(): void {
    if (this.is_set) assert(false, `BUG: ${this.name} was written twice in one row`);
    this.is_set = true;
  }
}

/** `string` and `json`: the value is written behind what counts, and counts when its row is kept. */
export class StringRows extends RowsColumn implements SingleTextWriter {
  private end = 0;

  append(text: string): void {
    this.set();
    const { data } = this;
    if (text.length <= SHORT_CHARACTERS_MAX && this.appendShort(text)) return;
    const text_bytes = Buffer.byteLength(text);
    data.reserve(data.used, VARUINT_BYTES_MAX + text_bytes);
    const start = writeVaruint(data.bytes, data.used, text_bytes);
    this.end = start + data.bytes.write(text, start, text_bytes, 'utf8');
  }

  appendBytes(utf8: Uint8Array): void {
    this.set();
    const { data } = this;
    data.reserve(data.used, VARUINT_BYTES_MAX + utf8.length);
    const start = writeVaruint(data.bytes, data.used, utf8.length);
    copyShared(data.bytes, start, utf8);
    this.end = start + utf8.length;
  }

  keep(): void {
    this.is_set = false;
    this.data.used = this.end;
  }

  /** False when the text is not ASCII. */
  private appendShort(text: string): boolean {
    const { length } = text;
    this.data.reserve(this.data.used, 1 + length);
    const { bytes, used } = this.data;
    bytes[used] = length;
    for (let at = 0; at < length; at++) {
      const code = text.charCodeAt(at);
      if (code > 127) return false;
      bytes[used + 1 + at] = code;
    }
    this.end = used + 1 + length;
    return true;
  }
}

export class DictionaryRows extends RowsColumn implements SingleTextWriter {
  private readonly entries = new Map<string, number>();
  private readonly indexes: number[] = [];
  private text = '';
  private previous = '';

  override begin(): void {
    super.begin();
    this.entries.clear();
    this.indexes.length = 0;
  }

  append(text: string): void {
    this.set();
    this.text = text;
  }

  appendBytes(utf8: Uint8Array): void {
    this.append(Buffer.from(utf8).toString());
  }

  keep(): void {
    this.is_set = false;
    const { indexes, text } = this;
    const is_same = indexes.length > 0 && text === this.previous;
    indexes.push(is_same ? indexes[indexes.length - 1] : (this.entries.get(text) ?? this.intern(text)));
    this.previous = text;
  }

  override layout(): BlockColumn {
    const index_width_bytes = indexWidthBytes(this.entries.size);
    const dictionary_bytes = this.data.used;
    const data_bytes = dictionary_bytes + this.indexes.length * index_width_bytes;
    return { data_bytes, dictionary_entries: this.entries.size, dictionary_bytes, index_width_bytes };
  }

  override copyTo(output: Buffer, offset: number): number {
    let at = super.copyTo(output, offset);
    const width_bytes = indexWidthBytes(this.entries.size);
    for (const index of this.indexes) at = width_bytes === 1 ? output.writeUInt8(index, at) : output.writeUIntLE(index, at, width_bytes);
    return at;
  }

  private intern(text: string): number {
    // A lone surrogate becomes U+FFFD in UTF-8, and no entry may stand there twice.
    const entry = text.toWellFormed();
    const known = this.entries.get(entry);
    if (known !== undefined) return known;
    const index = this.entries.size;
    this.entries.set(entry, index);
    const { data } = this;
    const text_bytes = Buffer.byteLength(entry);
    data.reserve(data.used, VARUINT_BYTES_MAX + text_bytes);
    const start = writeVaruint(data.bytes, data.used, text_bytes);
    data.used = start + data.bytes.write(entry, start, text_bytes, 'utf8');
    return index;
  }
}

export class TimeRows extends RowsColumn implements TimeWriter {
  private time_ms = 0;

  append(time_ms: number): void {
    this.set();
    this.time_ms = time_ms;
  }

  keep(): void {
    this.is_set = false;
    const { data, time_ms } = this;
    data.reserve(data.used, 8);
    data.used = data.bytes.writeUInt32LE(time_ms - Math.floor(time_ms / 2 ** 32) * 2 ** 32, data.used);
    data.used = data.bytes.writeInt32LE(Math.floor(time_ms / 2 ** 32), data.used);
  }
}

export class UuidRows extends RowsColumn implements UuidWriter {
  private readonly words = new Uint32Array(4);

  append(words: Uint32Array): void {
    this.set();
    this.words.set(words);
  }

  keep(): void {
    this.is_set = false;
    const { data } = this;
    data.reserve(data.used, 16);
    for (const word of this.words) data.used = data.bytes.writeUInt32LE(word, data.used);
  }
}

export class NumberRows extends RowsColumn implements NumberWriter {
  private value = 0;

  append(value: number): void {
    this.set();
    this.value = value;
  }

  keep(): void {
    this.is_set = false;
    const { data } = this;
    data.reserve(data.used, 1);
    data.used = data.bytes.writeUInt8(this.value, data.used);
  }
}

export type TextRows = StringRows | DictionaryRows;
export type AnyRowsColumn = TextRows | TimeRows | UuidRows | NumberRows;

export function rowsColumnOf(column: Column): AnyRowsColumn {
  switch (column.kind) {
    case 'datetime64':
      return new TimeRows(column);
    case 'uuid':
      return new UuidRows(column);
    case 'uint8':
      return new NumberRows(column);
    case 'dictionary':
      return new DictionaryRows(column);
    case 'string':
    case 'json':
      return new StringRows(column);
  }
}

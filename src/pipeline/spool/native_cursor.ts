/**
 * Finds one column of UUIDs in a sealed segment's Native block, in bounded memory: reads the heads of the columns before it and steps over their values.
 *
 * Reads only blocks that `NativeBlockBuilder` made; the types it writes are all that is known here.
 */
import { readVaruint, VARUINT_BYTES_MAX } from '../../base/varint.ts';
import { COLUMN_TYPES } from '../../contract/table.ts';
import { WINDOW_BYTES, type WindowReader } from './window_reader.ts';

const UUID_BYTES = 16;
const DATETIME_BYTES = 8;
/** LowCardinality's version and flags, and JSON's version. */
const UINT64_BYTES = 8;
/** In the low byte of LowCardinality's flags. */
const INDEX_WIDTHS_BYTES = [1, 2, 4, 8];

export class NativeCursor {
  private at = 0;

  constructor(private readonly reader: WindowReader) {}

  /**
   * Calls `visit` with the values of the column, some at a time, 16 bytes each; the bytes are valid during the call.
   *
   * @throws RangeError when the block is not what its head says, or has no such column
   */
  async readUuids(column_name: string, visit: (bytes: Buffer) => void): Promise<void> {
    const columns = await this.varuint();
    const rows = await this.varuint();
    for (let column = 0; column < columns; column++) {
      const name = await this.text();
      const type = await this.text();
      if (name === column_name) {
        await this.visitFixed(rows * UUID_BYTES, visit);
        return;
      }
      await this.skipValues(type, rows);
    }
    throw new RangeError(`the block has no column ${column_name}`);
  }

  private async skipValues(type: string, rows: number): Promise<void> {
    if (type === COLUMN_TYPES.uuid) this.at += rows * UUID_BYTES;
    else if (type === COLUMN_TYPES.datetime64) this.at += rows * DATETIME_BYTES;
    else if (type === COLUMN_TYPES.string) await this.skipStrings(rows);
    else if (type === COLUMN_TYPES.json) {
      this.at += UINT64_BYTES;
      await this.skipStrings(rows);
    } else if (type === COLUMN_TYPES.dictionary) await this.skipDictionary();
    else throw new RangeError(`a column of the unknown type ${type}`);
  }

  private async skipDictionary(): Promise<void> {
    this.at += UINT64_BYTES;
    const flags = await this.uint64();
    await this.skipStrings(await this.uint64());
    const rows = await this.uint64();
    this.at += rows * (INDEX_WIDTHS_BYTES[flags & 3] ?? 0);
  }

  private async skipStrings(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const window = await this.reader.read(this.at, WINDOW_BYTES);
      let in_window = 0;
      while (left > 0 && in_window + VARUINT_BYTES_MAX <= window.length) {
        const { value, next_offset } = readVaruint(window, in_window);
        in_window = next_offset + value;
        left--;
      }
      if (in_window === 0) throw new RangeError('the block ends within a column');
      this.at += in_window;
    }
  }

  private async visitFixed(bytes: number, visit: (bytes: Buffer) => void): Promise<void> {
    const end = this.at + bytes;
    while (this.at < end) {
      const window = await this.reader.read(this.at, Math.min(WINDOW_BYTES, end - this.at));
      if (window.length === 0) throw new RangeError('the block ends within a column');
      visit(window);
      this.at += window.length;
    }
  }

  private async text(): Promise<string> {
    const length = await this.varuint();
    return (await this.take(length)).toString();
  }

  private async varuint(): Promise<number> {
    const { value, next_offset } = readVaruint(await this.reader.read(this.at, VARUINT_BYTES_MAX), 0);
    this.at += next_offset;
    return value;
  }

  private async uint64(): Promise<number> {
    return Number((await this.take(UINT64_BYTES)).readBigUInt64LE(0));
  }

  private async take(length: number): Promise<Buffer> {
    const bytes = await this.reader.read(this.at, length);
    if (bytes.length < length) throw new RangeError('the block ends within a column');
    this.at += length;
    return bytes;
  }
}

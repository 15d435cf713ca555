/**
 * Walks over a Native block in a file, value by value or past many at once, in bounded memory.
 *
 * Trusts the block: its checksum was right. Owner of nothing; `at` is where the next read begins.
 */
import { readVaruint, VARUINT_BYTES_MAX } from '../../base/varint.ts';
import { COLUMN_TYPES, type ColumnKind } from '../../contract/table.ts';
import type { Pacer } from './pacer.ts';
import type { WindowReader } from './window_reader.ts';

/** How the values of a kind lie in a block: texts behind `state_bytes` of prefix, a dictionary and indexes, or a fixed width per row. */
export type ColumnShape =
  | { readonly kind: 'texts'; readonly state_bytes: number }
  | { readonly kind: 'dictionary' }
  | { readonly kind: 'fixed'; readonly width_bytes: number };

const SHAPES: Readonly<Record<ColumnKind, ColumnShape>> = {
  string: { kind: 'texts', state_bytes: 0 },
  json: { kind: 'texts', state_bytes: 8 },
  dictionary: { kind: 'dictionary' },
  datetime64: { kind: 'fixed', width_bytes: 8 },
  uuid: { kind: 'fixed', width_bytes: 16 },
  uint8: { kind: 'fixed', width_bytes: 1 },
};

const KINDS: readonly ColumnKind[] = ['string', 'json', 'dictionary', 'datetime64', 'uuid', 'uint8'];

/** Texts looked at with one read. */
const TEXTS_BYTES = 1 << 16;

export class NativeWalker {
  at = 0;

  constructor(
    private readonly reader: WindowReader,
    private readonly pacer: Pacer,
  ) {}

  async bytes(count: number): Promise<Buffer> {
    const bytes = await this.reader.read(this.at, count);
    if (bytes.length < count) throw new Error('the block ends before its last value');
    this.at += count;
    return bytes;
  }

  async uint64(): Promise<number> {
    return Number((await this.bytes(8)).readBigUInt64LE());
  }

  async varuint(): Promise<number> {
    const { value, next_offset } = readVaruint(await this.reader.read(this.at, VARUINT_BYTES_MAX), 0);
    this.at += next_offset;
    return value;
  }

  async text(): Promise<string> {
    return (await this.bytes(await this.varuint())).toString();
  }

  /** Goes past `count` texts by their lengths alone. */
  async skipTexts(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const window = await this.reader.read(this.at, TEXTS_BYTES);
      if (window.length === 0) throw new Error('the block ends before its last value');
      const is_last = this.at + window.length >= this.reader.end_bytes;
      // A length that the window cuts off is read with the next one.
      const end = is_last ? window.length : window.length - VARUINT_BYTES_MAX + 1;
      let offset = 0;
      while (left > 0 && offset < end) {
        const length = readVaruint(window, offset);
        offset = length.next_offset + length.value;
        left--;
      }
      this.at += offset;
      if (this.pacer.isDue()) await this.pacer.pause();
    }
  }
}

/** The shape of a column by the type that its block names. A JSON column's parameters may be those of an older program. */
export function shapeOf(type: string): { kind: ColumnKind; shape: ColumnShape } {
  const kind = type.startsWith('JSON') ? 'json' : KINDS.find((candidate) => COLUMN_TYPES[candidate] === type);
  if (kind === undefined) throw new Error(`the block has a column of the type ${type}, which this program does not write`);
  return { kind, shape: SHAPES[kind] };
}

/** What tests of the spool share: a table, blocks with known rows, a reader of sealed segments that shares no code with the writer, and a spool to hold. */
import { writeVaruint } from '../../../../src/base/varint.ts';
import { type BlockColumn, encodeBlockHeader, indexWidthBytes } from '../../../../src/contract/block.ts';
import { NO_BOOKS, type SegmentBooks } from '../../../../src/contract/books.ts';
import type { Random } from '../../../../src/contract/ports.ts';
import type { SealedSegment, SpoolBlock } from '../../../../src/contract/segment.ts';
import type { Table } from '../../../../src/contract/table.ts';
import type { SpoolIncident, SpoolObserver, SpoolOptions } from '../../../../src/pipeline/spool/options.ts';
import { Spool } from '../../../../src/pipeline/spool/spool.ts';
import { ManualClock } from '../../../support/manual_clock.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';

export const TABLE: Table = {
  name: 'events',
  columns: [
    { name: 'name', kind: 'string' },
    { name: 'color', kind: 'dictionary' },
    { name: 'time', kind: 'datetime64' },
    { name: 'size', kind: 'dictionary' },
    { name: 'id', kind: 'uuid' },
    { name: 'note', kind: 'json' },
  ],
  migrations: [],
};
export const OTHER_TABLE: Table = { name: 'others', columns: [{ name: 'name', kind: 'string' }], migrations: [] };
export const MONTH = 202611;

export type Row = Readonly<Record<string, string>>;

export function rowOf(label: string, color = 'red'): Row {
  const hex = Buffer.from(label.padEnd(16, '.')).subarray(0, 16).toString('hex');
  return { name: label, color, time: '1700000000123', size: `${label.length}`, id: hex, note: `{"a":"${label}"}` };
}

/** A block of `TABLE`, or of another table with columns of the same kinds. */
export function blockOf(rows: readonly Row[], table: Table = TABLE, month: number = MONTH): SpoolBlock {
  const parts = table.columns.map((column) => {
    const values = rows.map((row) => row[column.name] ?? '');
    return column.kind === 'dictionary' ? dictionaryPart(values) : plainPart(values, column.kind);
  });
  const accounts = { source: 'test', received: rows.length + 1, accepted: rows.length, rejected: { bad: 1 } };
  const columns = parts.map(({ column }) => column);
  const header = encodeBlockHeader({ rows: rows.length, received_at_ms: 1_700_000_000_000, accounts, columns });
  return { table: table.name, month, rows: rows.length, bytes: Buffer.concat([header, ...parts.map(({ data }) => data)]) };
}

interface Part {
  readonly column: BlockColumn;
  readonly data: Buffer;
}

const VARUINT_BYTES_MAX = 5;

function text(value: string): Buffer {
  const length = Buffer.byteLength(value);
  const bytes = Buffer.alloc(VARUINT_BYTES_MAX + length);
  const start = writeVaruint(bytes, 0, length);
  bytes.write(value, start);
  return bytes.subarray(0, start + length);
}

function plainPart(values: readonly string[], kind: string): Part {
  const data = Buffer.concat(
    values.map((value) => {
      if (kind === 'uuid') return Buffer.from(value, 'hex');
      if (kind !== 'datetime64') return text(value);
      const time = Buffer.alloc(8);
      time.writeBigInt64LE(BigInt(value));
      return time;
    }),
  );
  return { column: { data_bytes: data.length, dictionary_entries: 0, dictionary_bytes: 0, index_width_bytes: 0 }, data };
}

function dictionaryPart(values: readonly string[]): Part {
  const index_of = new Map([...new Set(values)].map((entry, index) => [entry, index]));
  const entries = Buffer.concat([...index_of.keys()].map(text));
  const width = indexWidthBytes(index_of.size);
  const indexes = Buffer.alloc(values.length * width);
  for (const [row, value] of values.entries()) indexes.writeUIntLE(index_of.get(value) ?? 0, row * width, width);
  const data = Buffer.concat([entries, indexes]);
  return {
    column: {
      data_bytes: data.length,
      dictionary_entries: index_of.size,
      dictionary_bytes: entries.length,
      index_width_bytes: width,
    },
    data,
  };
}

export interface NativeBlock {
  readonly types: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

/** Reads one Native block by ClickHouse's own description of it; throws when anything is left behind it. */
export function readNative(bytes: Buffer): NativeBlock {
  let at = 0;
  const varuint = (): number => {
    let value = 0;
    for (let shift = 0, byte = 128; byte >= 128; shift += 7) {
      byte = bytes.readUInt8(at++);
      value += (byte & 127) * 2 ** shift;
    }
    return value;
  };
  const slice = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const string = (): string => slice(varuint()).toString();
  const u64 = (): number => Number(slice(8).readBigUInt64LE());
  const columns = varuint();
  const row_count = varuint();
  const each = (read: () => string, count = row_count): string[] => Array.from({ length: count }, read);
  const values_of = (type: string): string[] => {
    if (type === 'String') return each(string);
    if (type.startsWith('JSON') && u64() === 1) return each(string);
    if (type === 'UUID') return each(() => slice(16).toString('hex'));
    if (type.startsWith('DateTime64')) return each(() => `${slice(8).readBigInt64LE()}`);
    if (type !== 'LowCardinality(String)' || u64() !== 1) throw new Error(`unknown column ${type}`);
    const width = [1, 2, 4][u64() - 0x600] ?? 0;
    const entries = each(string, u64());
    if (u64() !== row_count) throw new Error('a dictionary column of another number of rows');
    return each(() => entries[slice(width).readUIntLE(0, width)] ?? 'no such entry');
  };
  const types: Record<string, string> = {};
  const values: Record<string, string[]> = {};
  for (let column = 0; column < columns; column++) {
    const name = string();
    const type = string();
    types[name] = type;
    values[name] = values_of(type);
  }
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes behind the block`);
  const rows = Array.from({ length: row_count }, (_, row) =>
    Object.fromEntries(Object.entries(values).map(([name, column]) => [name, column[row] ?? ''])),
  );
  return { types, rows };
}

export class Incidents implements SpoolObserver {
  readonly names: SpoolIncident[] = [];
  groups = 0;
  synced(): void {}
  groupCommitted(): void {
    this.groups++;
  }
  sealed(): void {}
  deadLettered(): void {}
  replayed(): void {}
  incident(name: SpoolIncident): void {
    this.names.push(name);
  }
}

/** Identities in order: 00000000-0000-4000-8000-000000000001 and so on. */
export function countingRandom(start = 0): Random {
  let count = start;
  return { fraction: () => 0.5, uuid: () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}` };
}

export const DATA_DIR = '/data';
export const OPTIONS: SpoolOptions = {
  data_dir: DATA_DIR,
  ack: 'disk',
  bytes_max: 1 << 30,
  queued_bytes_max: 1 << 24,
  held_bytes_max: 1 << 24,
  group_delay_ms_max: 0,
  seal_rows_max: 1_000_000,
  seal_bytes_max: 1 << 24,
  seal_age_ms_max: 1000,
  unfiled_segments_max: 0,
  spare_records_min: Number.POSITIVE_INFINITY,
  free_bytes_min: 0,
  reserve_bytes: 0,
};

/** A spool in memory, and what was announced of it. */
export class Held {
  readonly incidents = new Incidents();
  readonly announced: SealedSegment[] = [];
  readonly spool: Spool;

  constructor(
    readonly fs: MemoryFs = new MemoryFs(),
    private readonly options: Partial<SpoolOptions> = {},
    readonly clock: ManualClock = new ManualClock(1_700_000_000_000),
    private readonly random: Random = countingRandom(),
    tables: readonly Table[] = [TABLE, OTHER_TABLE],
    books: SegmentBooks = NO_BOOKS,
  ) {
    this.spool = new Spool({ fs, clock, random, observer: this.incidents, books }, { ...OPTIONS, ...options }, tables);
  }

  async start(): Promise<this> {
    await this.spool.start();
    this.spool.onSealed((segment) => this.announced.push(segment));
    return this;
  }

  /** Another spool on what is left of this one's files. */
  reopen(fs: MemoryFs, tables?: readonly Table[], books?: SegmentBooks): Promise<Held> {
    return new Held(fs, this.options, this.clock, this.random, tables, books).start();
  }

  /** What delivery would send of a segment. */
  async bytesOf(segment: SealedSegment): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.spool.open(segment)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }

  async nativeOf(segment: SealedSegment): Promise<NativeBlock> {
    return readNative(await this.bytesOf(segment));
  }

  /** Seals everything; the names of all rows, segment by segment. */
  async sealedNames(): Promise<string[]> {
    await this.spool.sealAll();
    const names: string[] = [];
    for (const segment of this.announced) {
      const { rows } = await this.nativeOf(segment);
      names.push(...rows.map((row) => row['name'] ?? ''));
    }
    return names;
  }
}

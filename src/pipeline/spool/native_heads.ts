/** The small parts of a Native block: what stands before the columns, before the values of a column, and within a dictionary column. */
import { varuintBytes, writeVaruint } from '../../base/varint.ts';

/** LowCardinality's state prefix, and the flags of a block that brings its whole dictionary (HasAdditionalKeys, NeedUpdateDictionary). */
const LOW_CARDINALITY_VERSION = 1;
const LOW_CARDINALITY_FLAGS = 0x600;
/** JSON's serialization as strings, one per row. */
const JSON_AS_STRINGS_VERSION = 1;

/** The first bytes of a block. */
export function blockHead(columns: number, rows: number): Buffer {
  return Buffer.concat([varuint(columns), varuint(rows)]);
}

/** The first bytes of a column. */
export function columnHead(name: string, type: string): Buffer {
  return Buffer.concat([nativeString(name), nativeString(type)]);
}

/** What follows the head of a JSON column whose rows are strings. */
export function jsonHead(): Buffer {
  return uint64(JSON_AS_STRINGS_VERSION);
}

/** What follows the head of a dictionary column: then come its entries. */
export function entriesHead(entries: number, index_width_bytes: 1 | 2): Buffer {
  return Buffer.concat([uint64(LOW_CARDINALITY_VERSION), uint64(LOW_CARDINALITY_FLAGS | (index_width_bytes - 1)), uint64(entries)]);
}

/** What follows the entries of a dictionary column: then come the rows' indexes. */
export function indexesHead(rows: number): Buffer {
  return uint64(rows);
}

/** A UUID as ClickHouse stores it: two UInt64, little-endian, the high half first. */
export function uuidBytes(uuid: string): Buffer {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 8).reverse();
  bytes.subarray(8, 16).reverse();
  return bytes;
}

function nativeString(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([varuint(bytes.length), bytes]);
}

function varuint(value: number): Buffer {
  const bytes = Buffer.alloc(varuintBytes(value));
  writeVaruint(bytes, 0, value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

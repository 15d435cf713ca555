/**
 * A block: the rows that one slab adds to one table, column by column. It is what a worker returns, what a record of the
 * spool holds, and what sealing concatenates; nothing between a worker and ClickHouse ever looks at a row again.
 *
 * Layout, little-endian:
 * ```
 *  0  u32 version (1)
 *  4  u32 header_bytes: offset of the first column's data
 *  8  u32 rows
 * 12  u32 columns
 * 16  f64 received_at_ms: the oldest receipt in the block
 * 24  u32 accounts_bytes
 * 28  u32 zero
 * 32  per column: u32 data_bytes, u32 dictionary_entries, u32 dictionary_bytes, u32 index_width_bytes (the last three 0
 *     for a column that is no dictionary)
 *  …  accounts: JSON of `BlockAccounts`
 *  …  the columns' data, one after the other
 * ```
 * Data of a `dictionary` column: the entries (varuint length and bytes each, all different), then one index per row, 1, 2
 * or 4 bytes wide. Of `string` and `json`: varuint length and bytes per row. Of the others: their fixed width per row.
 */
import { assert } from '../base/assert.ts';

export const BLOCK_VERSION = 1;
export const BLOCK_PREFIX_BYTES = 32;
export const BLOCK_COLUMN_BYTES = 16;
/** Offset of `received_at_ms`. */
export const BLOCK_RECEIVED_AT = 16;

/** What the ledger must know of the requests whose accepted events are in this block. */
export interface BlockAccounts {
  readonly source: string;
  readonly received: number;
  readonly accepted: number;
  /** By reason; `received = accepted + Σ rejected`. */
  readonly rejected: Readonly<Record<string, number>>;
}

export interface BlockColumn {
  readonly data_bytes: number;
  readonly dictionary_entries: number;
  readonly dictionary_bytes: number;
  readonly index_width_bytes: number;
}

export interface BlockHeader {
  readonly header_bytes: number;
  readonly rows: number;
  readonly received_at_ms: number;
  readonly accounts: BlockAccounts;
  readonly columns: readonly BlockColumn[];
}

/** The narrowest index (1, 2 or 4 bytes) for a dictionary of so many entries. */
export function indexWidthBytes(dictionary_entries: number): 1 | 2 | 4 {
  if (dictionary_entries <= 1 << 8) return 1;
  return dictionary_entries <= 1 << 16 ? 2 : 4;
}

/** The bytes of a block before its columns' data: the caller copies the data behind them, in the order of `columns`. */
export function encodeBlockHeader(block: Omit<BlockHeader, 'header_bytes'>): Uint8Array {
  const accounts = JSON.stringify(block.accounts);
  const accounts_bytes = Buffer.byteLength(accounts);
  const header_bytes = BLOCK_PREFIX_BYTES + block.columns.length * BLOCK_COLUMN_BYTES + accounts_bytes;
  const header = Buffer.alloc(header_bytes);
  const view = new DataView(header.buffer, header.byteOffset, header_bytes);
  view.setUint32(0, BLOCK_VERSION, true);
  view.setUint32(4, header_bytes, true);
  view.setUint32(8, block.rows, true);
  view.setUint32(12, block.columns.length, true);
  view.setFloat64(BLOCK_RECEIVED_AT, block.received_at_ms, true);
  view.setUint32(24, accounts_bytes, true);
  let at = BLOCK_PREFIX_BYTES;
  for (const column of block.columns) {
    view.setUint32(at, column.data_bytes, true);
    view.setUint32(at + 4, column.dictionary_entries, true);
    view.setUint32(at + 8, column.dictionary_bytes, true);
    view.setUint32(at + 12, column.index_width_bytes, true);
    at += BLOCK_COLUMN_BYTES;
  }
  header.write(accounts, at);
  return header;
}

/** Only the accounts of a block's header; `bytes` begins with the whole header and is trusted. */
export function readBlockAccounts(bytes: Uint8Array): BlockAccounts {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const accounts_bytes = view.readUInt32LE(24);
  const at = view.readUInt32LE(4) - accounts_bytes;
  const accounts: BlockAccounts = JSON.parse(view.toString('utf8', at, at + accounts_bytes));
  return accounts;
}

/**
 * How long a block of `columns` columns says it is, by its own header; undefined when what stands at `offset` cannot be such a header. Nothing is
 * trusted: this is how a reader finds its way after a damaged place.
 */
export function claimedBlockBytes(bytes: Buffer, offset: number, columns: number): number | undefined {
  const directory_end = BLOCK_PREFIX_BYTES + columns * BLOCK_COLUMN_BYTES;
  if (offset + directory_end > bytes.length) return undefined;
  if (bytes.readUInt32LE(offset) !== BLOCK_VERSION || bytes.readUInt32LE(offset + 12) !== columns) return undefined;
  const header_bytes = bytes.readUInt32LE(offset + 4);
  if (header_bytes !== directory_end + bytes.readUInt32LE(offset + 24)) return undefined;
  let claimed_bytes = header_bytes;
  for (let at = BLOCK_PREFIX_BYTES; at < directory_end; at += BLOCK_COLUMN_BYTES) claimed_bytes += bytes.readUInt32LE(offset + at);
  return claimed_bytes;
}

/** Reads a block's header; `bytes` begins with the whole header and is trusted (its record's checksum was right). */
export function decodeBlockHeader(bytes: Uint8Array): BlockHeader {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  assert(view.readUInt32LE(0) === BLOCK_VERSION, 'BUG: a block of another version passed the checksum');
  const header_bytes = view.readUInt32LE(4);
  const accounts_bytes = view.readUInt32LE(24);
  const columns: BlockColumn[] = [];
  let at = BLOCK_PREFIX_BYTES;
  for (let index = view.readUInt32LE(12); index > 0; index--) {
    columns.push({
      data_bytes: view.readUInt32LE(at),
      dictionary_entries: view.readUInt32LE(at + 4),
      dictionary_bytes: view.readUInt32LE(at + 8),
      index_width_bytes: view.readUInt32LE(at + 12),
    });
    at += BLOCK_COLUMN_BYTES;
  }
  const accounts: BlockAccounts = JSON.parse(view.toString('utf8', at, at + accounts_bytes));
  return { header_bytes, rows: view.readUInt32LE(8), received_at_ms: view.readDoubleLE(16), accounts, columns };
}

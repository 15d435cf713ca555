/**
 * The rows of one open segment, kept in memory column by column while it fills, so that sealing reads nothing back.
 *
 * The file stays what counts: this is a copy of what was appended to it, of use as long as it is whole. When it cannot be (no page left, a dictionary that is
 * too large, a write that failed) it lets go of everything, and the segment is sealed from its file, as it is after a restart. Owner of its pages until
 * `take`.
 */
import { assert } from '../../base/assert.ts';
import { BLOCK_COLUMN_BYTES, BLOCK_PREFIX_BYTES } from '../../contract/block.ts';
import { SEGMENT_COLUMN } from '../../contract/table.ts';
import { plainHead } from './column_parts.ts';
import { createHeldColumn, type HeldColumn } from './held_column.ts';
import { blockHead, uuidBytes } from './native_heads.ts';
import type { PagePool } from './page_pool.ts';
import type { SegmentHeader } from './segment_header.ts';

/** Rows of the last column whose values are written at once: all are the same. */
const SEGMENT_CHUNK_ROWS = 4096;
const UUID_BYTES = 16;

/** One Native block in memory. */
export interface HeldBlock {
  readonly pieces: readonly Buffer[];
  /** What the pieces lie in, for the most part. */
  readonly pages: readonly Buffer[];
}

export class HeldRows {
  private columns: readonly HeldColumn[] | undefined;
  private rows = 0;

  constructor(
    readonly header: SegmentHeader,
    private readonly pool: PagePool,
  ) {
    this.columns = header.columns.map((column) => createHeldColumn(column, pool));
  }

  /** Adds a copy of the rows of a block. */
  add(block: Uint8Array): void {
    const { columns } = this;
    if (columns === undefined) return;
    const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    const rows = bytes.readUInt32LE(8);
    let from = BLOCK_PREFIX_BYTES;
    let at = bytes.readUInt32LE(4);
    for (const column of columns) {
      const data_bytes = bytes.readUInt32LE(from);
      const chunk = {
        bytes: bytes.subarray(at, at + data_bytes),
        entries: bytes.readUInt32LE(from + 4),
        dictionary_bytes: bytes.readUInt32LE(from + 8),
        index_width_bytes: bytes.readUInt32LE(from + 12),
        rows,
      };
      if (!column.add(chunk)) {
        this.drop();
        return;
      }
      at += data_bytes;
      from += BLOCK_COLUMN_BYTES;
    }
    this.rows += rows;
  }

  /** Lets go of everything; nothing is held any more. */
  drop(): void {
    for (const { pages } of this.columns ?? []) this.pool.give(pages);
    this.columns = undefined;
  }

  /** The Native block of all rows, whose pages are the caller's now; undefined when they are not held. */
  take(): HeldBlock | undefined {
    const { columns, rows } = this;
    if (columns === undefined) return undefined;
    assert(rows > 0, 'BUG: a segment without rows is sealed');
    this.columns = undefined;
    const pieces = [
      blockHead(columns.length + 1, rows),
      ...columns.flatMap((column) => column.pieces()),
      plainHead(SEGMENT_COLUMN),
      ...segmentPieces(this.header.id, rows),
    ];
    return { pieces, pages: columns.flatMap(({ pages }) => pages) };
  }
}

/** The segment's identity, once per row. */
function segmentPieces(segment_id: string, rows: number): Buffer[] {
  const chunk = Buffer.alloc(Math.min(rows, SEGMENT_CHUNK_ROWS) * UUID_BYTES, uuidBytes(segment_id));
  const pieces: Buffer[] = [];
  for (let row = 0; row < rows; row += SEGMENT_CHUNK_ROWS) {
    pieces.push(chunk.subarray(0, UUID_BYTES * Math.min(SEGMENT_CHUNK_ROWS, rows - row)));
  }
  return pieces;
}

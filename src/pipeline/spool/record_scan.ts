/**
 * Finds the sound records of an open segment whose records are not known: after a restart, or after damage was met while sealing.
 *
 * Every record that passes its checksum is found, also behind a damaged one, and also when the damage hit a length. A tail that was cut off is legal, since
 * a crash leaves one, and nothing of it was acknowledged; any other damage is reported as a place that does not hold a record.
 */
import { BLOCK_COLUMN_BYTES, BLOCK_PREFIX_BYTES, BLOCK_VERSION, claimedBlockBytes } from '../../contract/block.ts';
import { isRecordSound, RECORD_HEADER_BYTES } from './record.ts';
import { RecordTable } from './record_table.ts';
import { SEGMENT_HEADER_BYTES } from './segment_header.ts';
import { WINDOW_BYTES, type WindowReader } from './window_reader.ts';

export interface DamagedPlace {
  readonly offset: number;
  readonly bytes: number;
}

export interface RecordScan {
  readonly records: RecordTable;
  readonly damaged: readonly DamagedPlace[];
  /** Bytes of an incomplete record at the end. */
  readonly torn_bytes: number;
}

/** The first bytes of every block. */
const BLOCK_START = Buffer.alloc(4);
BLOCK_START.writeUInt32LE(BLOCK_VERSION);

/** @param seed of the segment's checksums, see `recordSeed` */
export async function scanRecords(reader: WindowReader, columns: number, seed: number): Promise<RecordScan> {
  const finder = new RecordFinder(reader, columns, seed);
  const records = new RecordTable(columns);
  const damaged: DamagedPlace[] = [];
  let at = SEGMENT_HEADER_BYTES;
  while (at < reader.end_bytes) {
    const record = await finder.recordAt(at);
    if (record !== undefined) {
      records.add(at + RECORD_HEADER_BYTES, record.subarray(RECORD_HEADER_BYTES));
      at += record.length;
      continue;
    }
    const next_offset = await finder.nextRecordAfter(at);
    if (next_offset === reader.end_bytes && (await finder.isTorn(at))) return { records, damaged, torn_bytes: next_offset - at };
    damaged.push({ offset: at, bytes: next_offset - at });
    at = next_offset;
  }
  return { records, damaged, torn_bytes: 0 };
}

class RecordFinder {
  /** What must be read to see how long a block says it is. */
  private readonly head_bytes: number;

  constructor(
    private readonly reader: WindowReader,
    private readonly columns: number,
    private readonly seed: number,
  ) {
    this.head_bytes = RECORD_HEADER_BYTES + BLOCK_PREFIX_BYTES + columns * BLOCK_COLUMN_BYTES;
  }

  /** The sound record at `offset`, header and payload; valid until the next call. */
  async recordAt(offset: number): Promise<Buffer | undefined> {
    const head = await this.reader.read(offset, this.head_bytes);
    const claimed_bytes = claimedBlockBytes(head, RECORD_HEADER_BYTES, this.columns);
    if (claimed_bytes === undefined || claimed_bytes !== head.readUInt32LE(0)) return undefined;
    if (offset + RECORD_HEADER_BYTES + claimed_bytes > this.reader.end_bytes) return undefined;
    const record = await this.reader.read(offset, RECORD_HEADER_BYTES + claimed_bytes);
    return isRecordSound(record, this.seed) ? record : undefined;
  }

  /**
   * Where it goes on behind the damaged place at `offset`: the end if nothing sound follows. First where the record's own length points, then where the
   * block's does, and only if both are damaged at whatever looks like a record.
   */
  async nextRecordAfter(offset: number): Promise<number> {
    const head = await this.reader.read(offset, this.head_bytes);
    const lengths: number[] = [];
    if (head.length >= RECORD_HEADER_BYTES) lengths.push(head.readUInt32LE(0));
    const claimed_bytes = claimedBlockBytes(head, RECORD_HEADER_BYTES, this.columns);
    if (claimed_bytes !== undefined) lengths.push(claimed_bytes);
    for (const payload_bytes of lengths) {
      const next_offset = offset + RECORD_HEADER_BYTES + payload_bytes;
      if (next_offset === this.reader.end_bytes) return next_offset;
      if (next_offset < this.reader.end_bytes && (await this.recordAt(next_offset)) !== undefined) return next_offset;
    }
    return this.search(offset + 1);
  }

  /** Whether what stands from `offset` to the end can be what a crash leaves: too short for what it says it is, or never written. */
  async isTorn(offset: number): Promise<boolean> {
    const left_bytes = this.reader.end_bytes - offset;
    const head = await this.reader.read(offset, this.head_bytes);
    if (head.length < this.head_bytes) return true;
    const claimed_bytes = claimedBlockBytes(head, RECORD_HEADER_BYTES, this.columns);
    if (claimed_bytes === undefined) return this.isZeros(offset);
    return RECORD_HEADER_BYTES + Math.min(claimed_bytes, head.readUInt32LE(0)) > left_bytes;
  }

  private async search(from_offset: number): Promise<number> {
    let at = from_offset;
    while (at + this.head_bytes <= this.reader.end_bytes) {
      const window = await this.reader.read(at, Math.min(WINDOW_BYTES, this.reader.end_bytes - at));
      const candidates = this.candidatesIn(window);
      for (const candidate of candidates) {
        if ((await this.recordAt(at + candidate)) !== undefined) return at + candidate;
      }
      at += Math.max(1, window.length - this.head_bytes + 1);
    }
    return this.reader.end_bytes;
  }

  /** Offsets in the window where a record's length agrees with what the block behind it says. */
  private candidatesIn(window: Buffer): readonly number[] {
    const candidates: number[] = [];
    let found = window.indexOf(BLOCK_START, RECORD_HEADER_BYTES);
    while (found !== -1) {
      const candidate = found - RECORD_HEADER_BYTES;
      const claimed_bytes = claimedBlockBytes(window, found, this.columns);
      if (claimed_bytes !== undefined && window.readUInt32LE(candidate) === claimed_bytes) candidates.push(candidate);
      found = window.indexOf(BLOCK_START, found + 1);
    }
    return candidates;
  }

  private async isZeros(from_offset: number): Promise<boolean> {
    for (let at = from_offset; at < this.reader.end_bytes; at += WINDOW_BYTES) {
      const window = await this.reader.read(at, WINDOW_BYTES);
      if (window.some((byte) => byte !== 0)) return false;
    }
    return true;
  }
}

/**
 * The mark of an open segment that its rows may have been sent to ClickHouse, from memory: the first deduplication token of a segment that has no sealed file.
 *
 * It stands where every header has zeros, so that a full disk cannot stop delivery, little-endian:
 * `12 bytes text, u32 rows, u64 end_bytes, u32 crc32 of what is before it`. Damage can make the mark unreadable, which costs a question to ClickHouse, but
 * not absent, which would cost a duplicate.
 */
import { crc32 } from 'node:zlib';
import type { FileHandle } from '../../contract/ports.ts';
import { writeFully } from './file_io.ts';

export const SEND_MARK_BYTES = 32;

const TEXT = Buffer.from('TOKENTAKEN.\n', 'latin1');
const ROWS_OFFSET = TEXT.length;
const END_OFFSET = ROWS_OFFSET + 4;
const CHECKSUM_OFFSET = END_OFFSET + 8;

/** What was sent: of a file that holds something else, nobody can say whether ClickHouse has it. */
export interface SentContent {
  readonly rows: number;
  /** Where the last record that was sent ends. */
  readonly end_bytes: number;
}

export interface SendMark {
  /** Undefined where the mark is damaged. */
  readonly content: SentContent | undefined;
}

/** Writes the mark at `offset` of the file, and makes it durable. */
export async function writeSendMark(file: FileHandle, offset: number, { rows, end_bytes }: SentContent): Promise<void> {
  const bytes = Buffer.alloc(SEND_MARK_BYTES);
  TEXT.copy(bytes);
  bytes.writeUInt32LE(rows, ROWS_OFFSET);
  bytes.writeBigUInt64LE(BigInt(end_bytes), END_OFFSET);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CHECKSUM_OFFSET)), CHECKSUM_OFFSET);
  await writeFully(file, [bytes], offset);
  await file.datasync();
}

/** @param bytes SEND_MARK_BYTES of them */
export function decodeSendMark(bytes: Buffer): SendMark | undefined {
  if (bytes.every((byte) => byte === 0)) return undefined;
  const is_sound = bytes.indexOf(TEXT) === 0 && crc32(bytes.subarray(0, CHECKSUM_OFFSET)) === bytes.readUInt32LE(CHECKSUM_OFFSET);
  if (!is_sound) return { content: undefined };
  return { content: { rows: bytes.readUInt32LE(ROWS_OFFSET), end_bytes: Number(bytes.readBigUInt64LE(END_OFFSET)) } };
}

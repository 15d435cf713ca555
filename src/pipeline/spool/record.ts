/**
 * Records of the spool's open segment.
 *
 * A record is one block: `u32 payload_bytes, u32 crc32, payload` (little-endian). The CRC covers the length too, so that a torn length cannot pass, and
 * starts from the segment's own identity, so that neither bytes left over from another file nor bytes that a client put into an event to look like a
 * record are ever taken for one. Owner of the file descriptor: SegmentWriter; nobody else writes.
 */
import { crc32 } from 'node:zlib';

export const RECORD_HEADER_BYTES = 8;

/** Where the checksums of a segment's records start; `segment_id` is not known to anybody before the segment is delivered. */
export function recordSeed(segment_id: string): number {
  return crc32(segment_id);
}

/** Writes the header of `payload` at `offset` of `into`. */
export function writeRecordHeader(into: Buffer, offset: number, payload: Uint8Array, seed: number): void {
  into.writeUInt32LE(payload.length, offset);
  into.writeUInt32LE(recordChecksum(payload, seed), offset + 4);
}

/** Whether `record` (header and payload, nothing behind) is what `writeRecordHeader` vouched for. */
export function isRecordSound(record: Buffer, seed: number): boolean {
  if (record.length < RECORD_HEADER_BYTES) return false;
  const payload = record.subarray(RECORD_HEADER_BYTES);
  return record.readUInt32LE(0) === payload.length && record.readUInt32LE(4) === recordChecksum(payload, seed);
}

/** A different start value gives a different checksum of the same bytes: that is how the length is covered in one call. */
function recordChecksum(payload: Uint8Array, seed: number): number {
  return crc32(payload, (seed ^ payload.length) >>> 0);
}

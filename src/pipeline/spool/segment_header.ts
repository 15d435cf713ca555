/**
 * The head of an open segment: whose rows follow, and in which columns. Sealing goes by this declaration and not by the program's, so that a file left
 * by an older version is sealed as it was written.
 *
 * Two equal slots of HEADER_SLOT_BYTES, so that no single damaged place makes the records behind them unreadable. A slot, little-endian: `8 bytes magic,
 * u32 version, u32 json_bytes, u32 crc32 of the json`, the JSON, zeros. The zeros at the end of the second slot are where `send_mark.ts` writes.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../../base/assert.ts';
import type { FileHandle } from '../../contract/ports.ts';
import type { Column } from '../../contract/table.ts';
import type { SegmentName } from './segment_name.ts';
import { decodeSendMark, SEND_MARK_BYTES, type SendMark } from './send_mark.ts';

export interface SegmentHeader extends SegmentName {
  readonly columns: readonly Column[];
}

export const HEADER_SLOT_BYTES = 8192;
/** Where the first record begins. */
export const SEGMENT_HEADER_BYTES = 2 * HEADER_SLOT_BYTES;

export const SEND_MARK_OFFSET = SEGMENT_HEADER_BYTES - SEND_MARK_BYTES;

const MAGIC = Buffer.from('PENOPEN\n', 'latin1');
const VERSION = 1;
const JSON_OFFSET = 20;

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const { id, table, month, sequence } = header;
  const columns = header.columns.map(({ name, kind }) => ({ name, kind }));
  const json = Buffer.from(JSON.stringify({ id, table, month, sequence, columns }));
  assert(JSON_OFFSET + json.length <= HEADER_SLOT_BYTES - SEND_MARK_BYTES, `BUG: the columns of ${table} do not fit a segment's header`);
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  for (const slot of [0, HEADER_SLOT_BYTES]) {
    MAGIC.copy(bytes, slot);
    bytes.writeUInt32LE(VERSION, slot + 8);
    bytes.writeUInt32LE(json.length, slot + 12);
    bytes.writeUInt32LE(crc32(json), slot + 16);
    json.copy(bytes, slot + JSON_OFFSET);
  }
  return bytes;
}

/** The head of a segment's file. */
export interface SegmentHead {
  readonly header: SegmentHeader;
  /** Whether its rows may have been sent. */
  readonly mark: SendMark | undefined;
}

/** Undefined when the file has no sound header, or is of another segment than `id`. */
export async function readSegmentHead(file: FileHandle, id: string): Promise<SegmentHead | undefined> {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const read_bytes = await file.read(bytes, 0);
  const header = decodeSegmentHeader(bytes.subarray(0, read_bytes));
  return header?.id === id ? { header, mark: decodeSendMark(bytes.subarray(SEND_MARK_OFFSET)) } : undefined;
}

/** Reads the first sound slot; undefined when neither is (the file was never made durable, or both places are damaged). */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  return decodeSlot(bytes.subarray(0, HEADER_SLOT_BYTES)) ?? decodeSlot(bytes.subarray(HEADER_SLOT_BYTES, SEGMENT_HEADER_BYTES));
}

function decodeSlot(slot: Buffer): SegmentHeader | undefined {
  if (slot.length < HEADER_SLOT_BYTES || !slot.subarray(0, 8).equals(MAGIC) || slot.readUInt32LE(8) !== VERSION) return undefined;
  const json_bytes = slot.readUInt32LE(12);
  if (json_bytes > HEADER_SLOT_BYTES - JSON_OFFSET) return undefined;
  const json = slot.subarray(JSON_OFFSET, JSON_OFFSET + json_bytes);
  if (crc32(json) !== slot.readUInt32LE(16)) return undefined;
  const header: SegmentHeader = JSON.parse(json.toString());
  return header;
}

/**
 * What stands behind the Native block in a sealed segment's file, little-endian:
 * ```
 * footer  JSON of `SealedFooter`, u32 json_bytes, u32 crc32 of the JSON and its length, 8 bytes magic
 * footer  the same again, so that no single damaged place makes the segment unreadable
 * tokens  TOKEN_SLOTS slots of 16 bytes, zeros while unused
 * ```
 * Tokens live in the segment's own file and nowhere else, so that a file that a crash brings back after its removal brings back how often it may have been
 * sent. Their room is written when the segment is sealed, so that a full disk cannot stop delivery. The count is the position of the last slot that is
 * not zero, whatever it holds: damage and torn writes can make it too high, which costs a question to ClickHouse, but never too low, which would cost a
 * duplicate. Should all slots ever be used the file grows by further ones.
 */
import { crc32 } from 'node:zlib';
import type { FileHandle } from '../../contract/ports.ts';
import type { SealedSegment } from '../../contract/segment.ts';
import { writeFully } from './file_io.ts';

export interface SealedFooter extends Omit<SealedSegment, 'tokens'> {
  readonly native_crc32: number;
}

export const TOKEN_SLOT_BYTES = 16;
const TOKEN_SLOTS = 256;
const TOKEN_MARK = Buffer.from('TOKENTAKEN.\n', 'latin1');
const MAGIC = Buffer.from('PENSEAL\n', 'latin1');
const TRAILER_BYTES = 8 + MAGIC.length;
/** Both footers and thousands of tokens fit in it. */
const TAIL_BYTES = 1 << 16;

/**
 * The bytes behind the Native block of `footer`; its `file_bytes` is filled in here.
 *
 * @param tokens how many were taken before there was this file
 */
export function encodeSealedTail(footer: Omit<SealedFooter, 'file_bytes'>, tokens = 0): { bytes: Uint8Array; footer: SealedFooter } {
  const tokens_bytes = TOKEN_SLOTS * TOKEN_SLOT_BYTES;
  let complete: SealedFooter = { ...footer, file_bytes: 0 };
  let json = Buffer.alloc(0);
  // The size of the file stands in the footer, whose own size depends on its digits: settled after at most three rounds.
  for (let is_settled = false; !is_settled; ) {
    json = Buffer.from(JSON.stringify(complete));
    const file_bytes = footer.native_bytes + 2 * (json.length + TRAILER_BYTES) + tokens_bytes;
    is_settled = file_bytes === complete.file_bytes;
    complete = { ...footer, file_bytes };
  }
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(json.length, 0);
  trailer.writeUInt32LE(footerChecksum(json), 4);
  MAGIC.copy(trailer, 8);
  const slots = Buffer.alloc(tokens_bytes);
  for (let token = 1; token <= tokens; token++) slots.set(tokenSlot(token), (token - 1) * TOKEN_SLOT_BYTES);
  return { bytes: Buffer.concat([json, trailer, json, trailer, slots]), footer: complete };
}

/** Reads the footer and the count of tokens; undefined if neither copy is sound. The Native block itself is not read. */
export async function readSealedTail(file: FileHandle): Promise<{ footer: SealedFooter; tokens: number } | undefined> {
  const size_bytes = await file.size();
  const tail_offset = Math.max(0, size_bytes - TAIL_BYTES);
  const tail = Buffer.alloc(size_bytes - tail_offset);
  await file.read(tail, tail_offset);
  for (let found = tail.lastIndexOf(MAGIC); found !== -1; found = found === 0 ? -1 : tail.lastIndexOf(MAGIC, found - 1)) {
    const footer = footerBefore(tail, found);
    if (footer === undefined) continue;
    const tokens_offset = tokensOffset(footer) - tail_offset;
    return { footer, tokens: countTokens(tail.subarray(Math.max(0, tokens_offset))) };
  }
  return undefined;
}

/** Takes token number `token` (from 1): writes its slot and makes it durable. */
export async function writeToken(file: FileHandle, footer: Pick<SealedSegment, 'file_bytes'>, token: number): Promise<void> {
  await writeFully(file, [tokenSlot(token)], tokensOffset(footer) + (token - 1) * TOKEN_SLOT_BYTES);
  await file.datasync();
}

function tokenSlot(token: number): Buffer {
  const slot = Buffer.alloc(TOKEN_SLOT_BYTES);
  TOKEN_MARK.copy(slot);
  slot.writeUInt32LE(token, TOKEN_MARK.length);
  return slot;
}

function tokensOffset(footer: Pick<SealedSegment, 'file_bytes'>): number {
  return footer.file_bytes - TOKEN_SLOTS * TOKEN_SLOT_BYTES;
}

function footerBefore(tail: Buffer, magic_offset: number): SealedFooter | undefined {
  const trailer_offset = magic_offset - 8;
  if (trailer_offset < 0) return undefined;
  const json_bytes = tail.readUInt32LE(trailer_offset);
  if (json_bytes > trailer_offset) return undefined;
  const json = tail.subarray(trailer_offset - json_bytes, trailer_offset);
  if (footerChecksum(json) !== tail.readUInt32LE(trailer_offset + 4)) return undefined;
  const footer: SealedFooter = JSON.parse(json.toString());
  return footer;
}

function footerChecksum(json: Buffer): number {
  return crc32(json, json.length);
}

function countTokens(slots: Buffer): number {
  let used_bytes = slots.length;
  while (used_bytes > 0 && slots[used_bytes - 1] === 0) used_bytes--;
  return Math.ceil(used_bytes / TOKEN_SLOT_BYTES);
}

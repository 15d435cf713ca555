/**
 * A look at LMDB's file before LMDB maps it: LMDB trusts its two first pages, and a process that opens a file in which they are damaged dies without a word.
 *
 * Each of the two is `page header (24 bytes), u32 magic, …`, with the size of a page behind (lmdb-js's format, read at LMDB's data version 2).
 */
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = 'data.mdb';
const MAGIC = 0xbeefc0de;
const MAGIC_OFFSET = 24;
const PAGE_SIZE_OFFSET = 48;
const HEAD_BYTES = 64;
const PAGE_BYTES_MIN = 4096;

/**
 * Makes `directory` ready for LMDB.
 *
 * A file that was never finished (shorter than its first two pages, or nothing but zeros there) is removed: nothing was ever committed to it.
 *
 * @throws when it cannot be made, or its file is damaged
 */
export async function prepareDataFile(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, NAME);
  const head = await readHead(path);
  if (head === undefined || head.length === 0 || isSound(head)) return;
  const is_unfinished = head.length < 2 * PAGE_BYTES_MIN || head.every((byte) => byte === 0);
  if (!is_unfinished) throw new Error(`${NAME} is damaged`);
  await rm(path);
}

function isSound(head: Buffer): boolean {
  if (head.length < 2 * PAGE_BYTES_MIN || head.readUInt32LE(MAGIC_OFFSET) !== MAGIC) return false;
  const second_page = head.readUInt32LE(PAGE_SIZE_OFFSET);
  return second_page + HEAD_BYTES <= head.length && head.readUInt32LE(second_page + MAGIC_OFFSET) === MAGIC;
}

/** As much as two pages of any size can take; undefined when there is no file. */
async function readHead(path: string): Promise<Buffer | undefined> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const head = Buffer.alloc(1 << 17);
    const { bytesRead: read_bytes } = await file.read(head, 0, head.length, 0);
    return head.subarray(0, read_bytes);
  } finally {
    await file.close();
  }
}

/** Puts the columns of one table one behind the other, as its block has them. */
import { BYTES, columnAddress, ENTRIES, ENTRY_BYTES, INDEXES, KIND_DICTIONARY } from './columns';
import { allocate } from './memory';
import { vectorEnd, vectorStart, vectorUsed } from './vector';

const DESCRIPTION_BYTES: u32 = 16;

/** Per column of the table: u32 data bytes, dictionary entries, dictionary bytes, width of an index. */
const descriptions = <u32>memory.data(16 * 128, 16);

export function descriptionsAddress(): u32 {
  return descriptions;
}

function indexWidthLog2(entries: u32): u32 {
  if (entries <= 1 << 8) return 0;
  return entries <= 1 << 16 ? 1 : 2;
}

/** Describes a column, and returns how many bytes its data has. */
function describe(column: u32, description: u32): u32 {
  const bytes = vectorUsed(column + BYTES);
  if (load<u32>(column) !== KIND_DICTIONARY) {
    v128.store(description, i32x4(bytes, 0, 0, 0));
    return bytes;
  }
  const entries = vectorUsed(column + ENTRIES) / ENTRY_BYTES;
  const width_log2 = indexWidthLog2(entries);
  const data_bytes = bytes + ((vectorUsed(column + INDEXES) >> 2) << width_log2);
  store<u32>(description, data_bytes);
  store<u32>(description, entries, 4);
  store<u32>(description, bytes, 8);
  store<u32>(description, 1 << width_log2, 12);
  return data_bytes;
}

/**
 * Writes the indexes of all rows, as narrow as they are described, 16 at a time: what stands behind the last is read, and written
 * over by the next column.
 */
function writeIndexes(column: u32, width: u32, to: u32): void {
  const from = vectorStart(column + INDEXES);
  const end = vectorEnd(column + INDEXES);
  if (width === 4) {
    memory.copy(to, from, end - from);
    return;
  }
  let out = to;
  for (let at = from; at < end; at += 64) {
    const low = i16x8.narrow_i32x4_u(v128.load(at), v128.load(at, 16));
    const high = i16x8.narrow_i32x4_u(v128.load(at, 32), v128.load(at, 48));
    if (width === 1) {
      v128.store(out, i8x16.narrow_i16x8_u(low, high));
      out += 16;
    } else {
      v128.store(out, low);
      v128.store(out, high, 16);
      out += 32;
    }
  }
}

/** Describes `count` columns from `first` on, and returns the address of their data; 0 when there is no memory. */
export function finishColumns(first: u32, count: u32): u32 {
  let total: u64 = 0;
  for (let index: u32 = 0; index < count; index++)
    total += describe(columnAddress(first + index), descriptions + index * DESCRIPTION_BYTES);
  if (total > 0x7fff_ffff) return 0;
  const address = allocate(<u32>total);
  if (address === 0) return 0;
  let at = address;
  for (let index: u32 = 0; index < count; index++) {
    const column = columnAddress(first + index);
    const description = descriptions + index * DESCRIPTION_BYTES;
    const bytes = vectorUsed(column + BYTES);
    memory.copy(at, vectorStart(column + BYTES), bytes);
    if (load<u32>(column) === KIND_DICTIONARY) writeIndexes(column, load<u32>(description, 12), at + bytes);
    at += load<u32>(description);
  }
  return address;
}

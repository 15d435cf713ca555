/** The instance's memory: one input region, then one table region that grows as elements are found. */

const INPUT_PADDING_BYTES: u32 = 16;
const PAGE_BYTES_LOG2: u32 = 16;

/** Start of the input region, 16-byte aligned; what the compiler placed lies before it. */
const INPUT: u32 = (<u32>__heap_base + 15) & ~15;

let table: u32 = INPUT;

export function inputAddress(): u32 {
  return INPUT;
}

export function tableAddress(): u32 {
  return table;
}

/** Makes room for an input of so many bytes; false when the memory cannot grow that far. */
export function reserve(input_bytes: u32): bool {
  table = (INPUT + input_bytes + INPUT_PADDING_BYTES + 7) & ~7;
  if (!ensure(table)) return false;
  memory.fill(INPUT + input_bytes, 0, INPUT_PADDING_BYTES);
  return true;
}

/** Grows the memory so that it ends at or after `end`. */
export function ensure(end: u32): bool {
  const pages_needed: i32 = <i32>((<u64>end + 0xffff) >> PAGE_BYTES_LOG2);
  const pages = memory.size();
  if (pages_needed <= pages) return true;
  return memory.grow(pages_needed - pages) >= 0;
}

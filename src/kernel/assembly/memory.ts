/**
 * The instance's memory: programs, then one input region, then an arena that begins anew with every slab.
 *
 * Whatever is allocated is followed by PADDING_BYTES that belong to nobody, so that four 16-byte loads or stores in a row that start inside
 * never reach what somebody else wrote.
 */

const PADDING_BYTES: u32 = 64;
const PAGE_BYTES_LOG2: u32 = 16;
const ADDRESS_MAX: u64 = 0xffff_0000;

/** Start of the input region; what the compiler placed, and what was installed, lies before it. */
let input: u32 = (<u32>__heap_base + 15) & ~15;
/** The first free byte. */
let arena: u32 = input;
/** Whether there was no memory for something since the last `reserveInput`. */
let is_exhausted: bool = false;

/** Notes that there was no memory, or no address, for something. */
export function noteExhausted(): void {
  is_exhausted = true;
}

export function isExhausted(): bool {
  return is_exhausted;
}

export function inputAddress(): u32 {
  return input;
}

/** Room that stays as long as the instance; only before the first `reserveInput`. */
export function install(bytes: u32): u32 {
  const address = input;
  input = (input + bytes + PADDING_BYTES + 15) & ~15;
  arena = input;
  return ensure(input) ? address : 0;
}

/** Makes room for an input of so many bytes and forgets all that was allocated; false when the memory cannot grow that far. */
export function reserveInput(input_bytes: u32): bool {
  arena = input;
  is_exhausted = false;
  if (allocate(input_bytes) === 0) return false;
  memory.fill(input + input_bytes, 0, PADDING_BYTES);
  return true;
}

/** So many bytes, 16-byte aligned and not zeroed, until the next slab; 0 when there is no memory, which is noted. */
export function allocate(bytes: u32): u32 {
  const address = arena;
  const end: u64 = (<u64>address + bytes + PADDING_BYTES + 15) & ~15;
  if (end > ADDRESS_MAX || !ensure(<u32>end)) {
    noteExhausted();
    return 0;
  }
  arena = <u32>end;
  return address;
}

/** Grows the memory so that it ends at or after `end`: by a quarter where it can, since growing detaches the host's views. */
function ensure(end: u32): bool {
  const pages_needed: i32 = <i32>((<u64>end + 0xffff) >> PAGE_BYTES_LOG2);
  const pages = memory.size();
  if (pages_needed <= pages) return true;
  if (memory.grow(max(pages_needed - pages, pages >> 2)) >= 0) return true;
  return memory.grow(pages_needed - pages) >= 0;
}

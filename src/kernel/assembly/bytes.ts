/** Runs of bytes, 16 at a time. Loads and stores may touch up to 15 bytes behind a run; the memory's padding allows for that. */

const MULTIPLIER: u64 = 0x9e3779b97f4a7c15;

/** A v128 loaded 16 - n bytes from its start has n bytes of ones, then zeros. */
const SLIDING_MASK = <u32>(
  memory.data<u8>([
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  ])
);

/** The first `count` (0 to 16) bytes at `address`, then zeros. */
export function loadHead(address: u32, count: u32): v128 {
  return v128.and(v128.load(address), v128.load(SLIDING_MASK + 16 - count));
}

export function equalBytes(left: u32, right: u32, length: u32): bool {
  let rest = length;
  while (rest > 16) {
    if (v128.any_true(v128.xor(v128.load(left), v128.load(right)))) return false;
    left += 16;
    right += 16;
    rest -= 16;
  }
  return !v128.any_true(v128.xor(loadHead(left, rest), loadHead(right, rest)));
}

/** 16 bytes mixed to 64 bits, of which the upper ones are best. */
export function foldedBytes(bytes: v128): u64 {
  const folded = v128.xor(bytes, v128.shuffle<u32>(bytes, bytes, 3, 2, 3, 2));
  return <u64>i64x2.extract_lane(folded, 0) * MULTIPLIER;
}

/** Copies to where there is padding, or room, behind `length` bytes. */
export function copyBytes(to: u32, from: u32, length: u32): void {
  for (let done: u32 = 0; done < length; done += 16) v128.store(to + done, v128.load(from + done));
}

export function isAscii(address: u32, length: u32): bool {
  return isAsciiChunk(joinedBytes(address, length));
}

export function isAsciiChunk(chunk: v128): bool {
  return i8x16.bitmask(chunk) === 0;
}

/** All bytes, 16 at a time, or-ed together. */
export function joinedBytes(address: u32, length: u32): v128 {
  let seen = i8x16.splat(0);
  const whole = address + (length & ~15);
  let at = address;
  // Four chunks a turn: V8 looks for interrupts at each.
  while (at + 48 < whole) {
    seen = v128.or(v128.or(v128.or(seen, v128.load(at)), v128.or(v128.load(at, 16), v128.load(at, 32))), v128.load(at, 48));
    at += 64;
  }
  while (at < whole) {
    seen = v128.or(seen, v128.load(at));
    at += 16;
  }
  return v128.or(seen, loadHead(at, length & 15));
}

/** Code points in well-formed UTF-8: the bytes that continue none. */
export function codePoints(address: u32, length: u32): u32 {
  let count: u32 = 0;
  for (let at = address; at < address + length; at++) count += u32((load<u8>(at) & 0xc0) !== 0x80);
  return count;
}

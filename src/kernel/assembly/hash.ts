/**
 * MurmurHash3 x64 128 (Austin Appleby, public domain: smhasher/MurmurHash3.cpp) with a 128-bit seed instead of a 32-bit one:
 * the tenant's own hash is the seed of its events' hashes. Not cryptographic: it names re-deliveries, it guards nothing.
 */
const C1: u64 = 0x87c37b91114253d5;
const C2: u64 = 0x4cf5ad432745937f;

/** Two u64: the seed before a call of `hash`, its result after. */
const digest = <u32>memory.data(16, 16);

export function digestAddress(): u32 {
  return digest;
}

function mixFinal(value: u64): u64 {
  let k = value;
  k ^= k >> 33;
  k *= 0xff51afd7ed558ccd;
  k ^= k >> 33;
  k *= 0xc4ceb9fe1a85ec53;
  return k ^ (k >> 33);
}

/** The last `count` (1 to 8) bytes at `address` as a little-endian number. */
function loadTail(address: u32, count: u32): u64 {
  let value: u64 = 0;
  for (let index: u32 = 0; index < count; index++) value |= (<u64>load<u8>(address + index)) << (index << 3);
  return value;
}

/** Hashes `length` bytes at `address` with the seed that is in the digest; the result takes its place. */
export function hash(address: u32, length: u32): void {
  let h1 = load<u64>(digest);
  let h2 = load<u64>(digest, 8);
  const tail = address + (length & ~15);
  for (let at = address; at < tail; at += 16) {
    h1 ^= rotl(load<u64>(at) * C1, 31) * C2;
    h1 = (rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= rotl(load<u64>(at, 8) * C2, 33) * C1;
    h2 = (rotl(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  const rest = length & 15;
  if (rest > 8) h2 ^= rotl(loadTail(tail + 8, rest - 8) * C2, 33) * C1;
  if (rest > 0) h1 ^= rotl(loadTail(tail, min(rest, 8)) * C1, 31) * C2;
  h1 ^= length;
  h2 ^= length;
  h1 += h2;
  h2 += h1;
  h1 = mixFinal(h1);
  h2 = mixFinal(h2);
  h1 += h2;
  h2 += h1;
  store<u64>(digest, h1);
  store<u64>(digest, h2, 8);
}

/**
 * MurmurHash3 x64 128 (Austin Appleby, public domain: smhasher/MurmurHash3.cpp) with a 128-bit seed instead of a 32-bit one:
 * the tenant's own hash is the seed of its events' hashes. Not cryptographic: it names re-deliveries, it guards nothing.
 */
import { isAsciiChunk, joinedBytes, loadHead } from './bytes';

const C1: u64 = 0x87c37b91114253d5;
const C2: u64 = 0x4cf5ad432745937f;

/** Two u64: the seed before a call of `hash`, its result after. */
const digest = <u32>memory.data(16, 16);
/** The bytes that were hashed, or noted, since `beginNotes`, or-ed together. */
const noted = <u32>memory.data(16, 16);

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

function mixFirst(h1: u64, h2: u64, block: u64): u64 {
  return (rotl(h1 ^ (rotl(block * C1, 31) * C2), 27) + h2) * 5 + 0x52dce729;
}

function mixSecond(h2: u64, h1: u64, block: u64): u64 {
  return (rotl(h2 ^ (rotl(block * C2, 33) * C1), 31) + h1) * 5 + 0x38495ab5;
}

/** Begins to note whether all bytes are ASCII: of those that are hashed, that costs next to nothing. */
export function beginNotes(): void {
  v128.store(noted, i64x2.splat(0));
}

/** Notes bytes that are not hashed. */
export function noteBytes(address: u32, length: u32): void {
  v128.store(noted, v128.or(v128.load(noted), joinedBytes(address, length)));
}

export function isNotedAscii(): bool {
  return isAsciiChunk(v128.load(noted));
}

/** The hash of `length` bytes at `address`, which are noted. */
export function hashWith(seed: v128, address: u32, length: u32): v128 {
  let h1 = <u64>i64x2.extract_lane(seed, 0);
  let h2 = <u64>i64x2.extract_lane(seed, 1);
  const tail = address + (length & ~15);
  let seen = v128.load(noted);
  let at = address;
  // Four blocks a turn: V8 looks for interrupts at each.
  while (at + 48 < tail) {
    h1 = mixFirst(h1, h2, load<u64>(at));
    h2 = mixSecond(h2, h1, load<u64>(at, 8));
    h1 = mixFirst(h1, h2, load<u64>(at, 16));
    h2 = mixSecond(h2, h1, load<u64>(at, 24));
    h1 = mixFirst(h1, h2, load<u64>(at, 32));
    h2 = mixSecond(h2, h1, load<u64>(at, 40));
    h1 = mixFirst(h1, h2, load<u64>(at, 48));
    h2 = mixSecond(h2, h1, load<u64>(at, 56));
    seen = v128.or(v128.or(v128.or(v128.or(seen, v128.load(at)), v128.load(at, 16)), v128.load(at, 32)), v128.load(at, 48));
    at += 64;
  }
  while (at < tail) {
    h1 = mixFirst(h1, h2, load<u64>(at));
    h2 = mixSecond(h2, h1, load<u64>(at, 8));
    seen = v128.or(seen, v128.load(at));
    at += 16;
  }
  // Where there are no bytes left, zeros change nothing.
  const rest = loadHead(tail, length & 15);
  v128.store(noted, v128.or(seen, rest));
  h2 ^= rotl(<u64>i64x2.extract_lane(rest, 1) * C2, 33) * C1;
  h1 ^= rotl(<u64>i64x2.extract_lane(rest, 0) * C1, 31) * C2;
  h1 ^= length;
  h2 ^= length;
  h1 += h2;
  h2 += h1;
  h1 = mixFinal(h1);
  h2 = mixFinal(h2);
  h1 += h2;
  h2 += h1;
  return i64x2.replace_lane(i64x2.splat(h1), 1, h2);
}

/** Hashes `length` bytes at `address` with the seed that is in the digest; the result takes its place. */
export function hash(address: u32, length: u32): void {
  v128.store(digest, hashWith(v128.load(digest), address, length));
}

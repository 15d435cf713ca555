/**
 * The hash of the dictionaries' tables: NH (Black and others, "UMAC", 1999) over blocks of 16 bytes, folded with a multiplier.
 * It has a secret key, so that nobody can choose texts that fall into one slot; what a block looks like does not depend on it.
 */
import { loadHead } from './bytes';

const MULTIPLIER: u64 = 0x9e3779b97f4a7c15;
const SECRET_BYTES = 32;

/** 16 bytes of NH's key, then two words for whoever needs one. */
const secret = <u32>memory.data(SECRET_BYTES, 16);

/** Where the host puts 32 random bytes before anything is hashed. */
export function secretAddress(): u32 {
  return secret;
}

/** A secret word at byte 0 or 8 of the second half. */
export function secretWord(at: u32): u64 {
  return load<u64>(secret + 16 + at);
}

/** The products of the keyed words of a block, as one sum. */
function foldBlock(block: v128, key: v128): u64 {
  const sums = i32x4.add(block, key);
  const products = i64x2.extmul_low_i32x4_u(sums, v128.shuffle<u32>(sums, sums, 2, 3, 2, 3));
  return i64x2.extract_lane(products, 0) + rotl(i64x2.extract_lane(products, 1), 17);
}

export function keyedHash(address: u32, length: u32): u32 {
  const key = v128.load(secret);
  let state: u64 = secretWord(0) ^ length;
  let at = address;
  let rest = length;
  while (rest > 16) {
    state = (rotl(state, 23) + foldBlock(v128.load(at), key)) * MULTIPLIER;
    at += 16;
    rest -= 16;
  }
  state = (rotl(state, 23) + foldBlock(loadHead(at, rest), key)) * MULTIPLIER;
  return <u32>(state >> 32);
}

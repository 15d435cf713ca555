/**
 * The identities of a request's events: the hash of the bytes of each, hashed on with its ordinal if it is not the first such.
 *
 * They are made for many rows at once. Until then the place of a row's identity in its column has where the event is, which stays in
 * the input as long as the columns do.
 */
import { BYTES } from './columns';
import { countDigest } from './digests';
import { hashWith } from './hash';
import { identityColumn } from './program';
import { vectorEnd } from './vector';

export const IDENTITY_BYTES: u32 = 16;
const DIGITS_MAX: u32 = 10;

const digits = <u32>memory.data(10);

/** Notes where the event in [start, end) is, in the place of its identity. */
export function notePlace(identity: u32, start: u32, end: u32): void {
  store<u32>(identity, start);
  store<u32>(identity, end - start, 4);
}

/** Puts the identities of the last rows into their places. */
export function identifyRows(seed: v128, count: u32): void {
  const column = identityColumn();
  if (column === 0) return;
  const end = vectorEnd(column + BYTES);
  for (let at = end - count * IDENTITY_BYTES; at < end; at += IDENTITY_BYTES) {
    v128.store(at, identityOf(seed, load<u32>(at), load<u32>(at, 4)));
  }
}

/** The identity of the request's next event, in [address, address + length). */
export function identityOf(seed: v128, address: u32, length: u32): v128 {
  const digest = hashWith(seed, address, length);
  const ordinal = countDigest(digest);
  return ordinal === 0 ? digest : hashOrdinal(digest, ordinal);
}

/** Hashes the decimal digits of a number with a digest as seed. */
function hashOrdinal(seed: v128, ordinal: u32): v128 {
  const end = digits + DIGITS_MAX;
  let at = end;
  let rest = ordinal;
  do {
    store<u8>(--at, 0x30 + (rest % 10));
    rest /= 10;
  } while (rest > 0);
  return hashWith(seed, at, end - at);
}

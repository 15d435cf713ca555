/**
 * The identities of a request's events: of one that has a name that of `names.ts`, of any other the hash of its bytes, hashed on with its ordinal if it
 * is not the first such.
 *
 * They are made for many rows at once. Until then the place of a row's identity in its column has where the event is, which stays in
 * the input as long as the columns do.
 */
import { BYTES } from './columns';
import { countDigest } from './digests';
import { hashWith } from './hash';
import { namedIdentity } from './names';
import { identityColumn } from './program';
import { vectorEnd } from './vector';

export const IDENTITY_BYTES: u32 = 16;
/** Stands for the length of an event that has a name; in place of its start there is the number of its identity. */
const NAMED: u32 = 0xffff_ffff;
const DIGITS_MAX: u32 = 10;

const digits = <u32>memory.data(10);

/** Notes where the event in [start, end) is, in the place of its identity. */
export function notePlace(identity: u32, start: u32, end: u32): void {
  store<u32>(identity, start);
  store<u32>(identity, end - start, 4);
}

/** Notes that the event has the identity that `namedIdentity` knows by the number. */
export function noteNamed(identity: u32, number: u32): void {
  store<u32>(identity, number);
  store<u32>(identity, NAMED, 4);
}

/** Puts the identities of the last rows into their places. */
export function identifyRows(seed: v128, count: u32): void {
  const column = identityColumn();
  if (column === 0) return;
  const end = vectorEnd(column + BYTES);
  for (let at = end - count * IDENTITY_BYTES; at < end; at += IDENTITY_BYTES) {
    const length = load<u32>(at, 4);
    v128.store(at, length === NAMED ? namedIdentity(load<u32>(at)) : identityOf(seed, load<u32>(at), length));
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

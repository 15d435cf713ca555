/** MurmurHash3 x64 128 after smhasher's C++, in BigInt: the reference that the kernel's is compared with. */
const MASK = 2n ** 64n - 1n;
const C1 = 0x87c37b91114253d5n;
const C2 = 0x4cf5ad432745937fn;

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK;
}

function multiply(left: bigint, right: bigint): bigint {
  return (left * right) & MASK;
}

function mixFinal(value: bigint): bigint {
  let k = value;
  k = multiply(k ^ (k >> 33n), 0xff51afd7ed558ccdn);
  k = multiply(k ^ (k >> 33n), 0xc4ceb9fe1a85ec53n);
  return k ^ (k >> 33n);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** @param seed four little-endian words: h1 and h2; the same form as the result */
export function murmurHash3(bytes: Uint8Array, seed: Uint32Array): number[] {
  let h1 = BigInt(seed[0]) | (BigInt(seed[1]) << 32n);
  let h2 = BigInt(seed[2]) | (BigInt(seed[3]) << 32n);
  const tail = bytes.length - (bytes.length % 16);
  for (let at = 0; at < tail; at += 16) {
    const k1 = littleEndian(bytes.subarray(at, at + 8));
    const k2 = littleEndian(bytes.subarray(at + 8, at + 16));
    h1 ^= multiply(rotate(multiply(k1, C1), 31n), C2);
    h1 = (multiply((rotate(h1, 27n) + h2) & MASK, 5n) + 0x52dce729n) & MASK;
    h2 ^= multiply(rotate(multiply(k2, C2), 33n), C1);
    h2 = (multiply((rotate(h2, 31n) + h1) & MASK, 5n) + 0x38495ab5n) & MASK;
  }
  h2 ^= multiply(rotate(multiply(littleEndian(bytes.subarray(tail + 8)), C2), 33n), C1);
  h1 ^= multiply(rotate(multiply(littleEndian(bytes.subarray(tail, tail + 8)), C1), 31n), C2);
  h1 ^= BigInt(bytes.length);
  h2 ^= BigInt(bytes.length);
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  h1 = mixFinal(h1);
  h2 = mixFinal(h2);
  h1 = (h1 + h2) & MASK;
  h2 = (h2 + h1) & MASK;
  return [h1, h2].flatMap((half) => [Number(half & 0xffffffffn), Number(half >> 32n)]);
}

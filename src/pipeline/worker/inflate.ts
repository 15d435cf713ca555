/**
 * Undoes a content coding, up to a limit. The limit is what stands between a few kilobytes and the gigabytes that they may unfold
 * to: it is checked while inflating, not after.
 */
import * as zlib from 'node:zlib';
import type { Coding } from '../../contract/format.ts';

/** `too_large`: it unfolds to more than the limit; `corrupt`: it is not of this coding, or cut short. */
export type InflateProblem = 'too_large' | 'corrupt';

type Inflate = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Buffer;

function isInflate(value: unknown): value is Inflate {
  return typeof value === 'function';
}

/** RFC 9110 means zlib's format; some senders mean raw deflate, which a zlib header's check sum tells apart. */
function isZlibFormat(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && (bytes[0] & 15) === 8 && (bytes[0] * 256 + bytes[1]) % 31 === 0;
}

const zstd_decompress: unknown = Reflect.get(zlib, 'zstdDecompressSync');

/** The codings that this runtime has: zstd came with Node 22.15. */
const INFLATES: ReadonlyMap<Coding, Inflate> = new Map<Coding, Inflate>([
  ['gzip', (bytes, options) => zlib.gunzipSync(bytes, options)],
  ['deflate', (bytes, options) => (isZlibFormat(bytes) ? zlib.inflateSync(bytes, options) : zlib.inflateRawSync(bytes, options))],
  ['br', (bytes, options) => zlib.brotliDecompressSync(bytes, options)],
  ...(isInflate(zstd_decompress) ? ([['zstd', zstd_decompress]] satisfies [Coding, Inflate][]) : []),
]);

/** @param bytes_max limit of the result in bytes, at least 1 */
export function inflate(bytes: Uint8Array, coding: Coding, bytes_max: number): Buffer | InflateProblem {
  const run = INFLATES.get(coding);
  if (run === undefined) return 'corrupt';
  try {
    return run(bytes, { maxOutputLength: bytes_max });
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    return code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'corrupt';
  }
}

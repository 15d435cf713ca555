/**
 * Undoes a content coding, up to a limit. The limit is what stands between a few kilobytes and the gigabytes that they may unfold
 * to: it is checked while inflating, not after.
 */
import * as zlib from 'node:zlib';
import { assert } from '../../base/assert.ts';
import { isRecord } from '../../base/json.ts';
import { isZlibFormat } from '../../base/zlib_format.ts';
import { isZstdFrame } from '../../base/zstd_frame.ts';
import type { Coding } from '../../contract/format.ts';

/** `too_large`: it unfolds to more than the limit; `corrupt`: it is not of this coding, cut short, or goes on behind its end. */
export type InflateProblem = 'too_large' | 'corrupt';

interface InflateOptions {
  readonly maxOutputLength: number;
  /** Has the result say how much was read: what stands behind the end is passed over in silence, and events may be in it. */
  readonly info: true;
}

type Inflate = (bytes: Uint8Array, options: InflateOptions) => unknown;

function isInflate(value: unknown): value is Inflate {
  return typeof value === 'function';
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
  if (run === undefined || (coding === 'zstd' && !isZstdFrame(bytes))) return 'corrupt';
  try {
    const result = run(bytes, { maxOutputLength: bytes_max, info: true });
    assert(isInflated(result), 'BUG: zlib does not say how much it has read');
    // gunzip reads all members, and refuses what is none, but for zeros that fill a block.
    return coding === 'gzip' || result.engine.bytesWritten === bytes.length ? result.buffer : 'corrupt';
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (typeof code !== 'string') throw error;
    return code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'corrupt';
  }
}

function isInflated(result: unknown): result is { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } } {
  if (!isRecord(result) || !Buffer.isBuffer(result['buffer'])) return false;
  const { engine } = result;
  return isRecord(engine) && typeof engine['bytesWritten'] === 'number';
}

/**
 * Copies into and out of memory that threads share. V8 copies such memory in `TypedArray.set` byte by byte wherever the two sides are
 * not aligned alike: 13.7 µs for 27 KB, where `Buffer.fill`, which is one memcpy, takes 0.9 (`docs/PERFORMANCE.md`).
 */

/** For fewer bytes the call of `fill` costs more than the bytes. */
const FILL_BYTES_MIN = 192;

/** Copies all of `source` to `at` of `target`, where there is room for it. */
export function copyShared(target: Buffer, at: number, source: Uint8Array): void {
  const { length } = source;
  if (length < FILL_BYTES_MIN) target.set(source, at);
  else target.fill(source, at, at + length);
}

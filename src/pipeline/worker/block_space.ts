/** Where a slab's blocks go: the output that came with the task, or a larger one when they do not fit. */

const OUTPUT_BYTES_MIN = 64 * 1024;

export function outputFor(offered: SharedArrayBuffer, bytes_needed: number): SharedArrayBuffer {
  if (bytes_needed <= offered.byteLength) return offered;
  return new SharedArrayBuffer(2 ** Math.ceil(Math.log2(Math.max(bytes_needed, OUTPUT_BYTES_MIN))));
}

/**
 * How much room the spool may take, and what of it is kept for blocks that use the reserve: those whose sender cannot be told to come back.
 *
 * Two bounds say the same of two things: of the spool's own size (`bytes_max`), and of the disk that it shares with others (`free_bytes_min`). Blocks
 * that do not use the reserve are refused while it is still whole.
 */

export interface SpaceLimits {
  /** Open and sealed files together. While one segment is sealed its bytes are on the disk twice for a moment. */
  readonly bytes_max: number;
  /** Of `bytes_max`, and of the free disk: for blocks that use the reserve. At most an eighth of `bytes_max` is ever reserved. */
  readonly reserve_bytes: number;
  /** What stays free on the disk: sealing needs room to turn what was accepted into what can be delivered, and so does everything else there. */
  readonly free_bytes_min: number;
}

const RESERVED_SHARE_MAX = 1 / 8;
const BLOCK_BYTES = 1 << 20;
const BLOCK_SHARE_MAX = 1 / 16;

/** How large the spool may grow by blocks that use the reserve, or by all others. */
export function bytesMax(limits: SpaceLimits, uses_reserve: boolean): number {
  return uses_reserve ? limits.bytes_max : limits.bytes_max - reservedBytes(limits);
}

/**
 * Below so much free disk blocks are refused. Those that use the reserve are not refused before a write fails: they are few, what they lack for
 * sealing they get when there is room again, and nothing that was acknowledged is at risk meanwhile.
 */
export function freeBytesMin(limits: SpaceLimits, uses_reserve: boolean): number {
  return uses_reserve ? 0 : limits.free_bytes_min + reservedBytes(limits);
}

/** With less room than this the spool counts as full, though a small block may still fit: what a slab of requests usually takes. */
export function blockBytes({ bytes_max }: SpaceLimits): number {
  return Math.min(BLOCK_BYTES, Math.floor(bytes_max * BLOCK_SHARE_MAX));
}

function reservedBytes({ bytes_max, reserve_bytes }: SpaceLimits): number {
  return Math.min(reserve_bytes, Math.floor(bytes_max * RESERVED_SHARE_MAX));
}

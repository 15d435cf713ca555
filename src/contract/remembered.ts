/** Deliveries whose ids are in memory, to tell repeats; older ones are looked up on the disk. */
export const REMEMBERED_IDS_MAX = 1 << 20;
/** A table of ids is half empty. */
export const REMEMBERED_ID_BYTES = 32;

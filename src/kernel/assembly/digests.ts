/**
 * How often each digest came within one request: an open-addressing table over the digests themselves. Its slots are chosen with
 * a secret, since whoever sends events could make many digests whose low bits are equal.
 */
import { secretWord } from './keyed_hash';
import { allocate } from './memory';

const SLOTS_MIN: u32 = 64;
/** An event of fewer bytes than this makes the table grow; it is never more than half full. */
const BODY_BYTES_PER_SLOT_LOG2: u32 = 5;

/** Per slot: 0 when free, else how often its digest came. */
let counts: u32 = 0;
/** Per slot 16 bytes. */
let digests: u32 = 0;
/** Slots there is memory for. */
let room: u32 = 0;
let mask: u32 = 0;
let digest_count: u32 = 0;

export function clearDigests(): void {
  room = 0;
}

/** Begins a request whose body has so many bytes; false when there is no memory. */
export function beginDigests(body_bytes: u32): bool {
  let slots = SLOTS_MIN;
  while (slots < body_bytes >> BODY_BYTES_PER_SLOT_LOG2) slots <<= 1;
  digest_count = 0;
  if (slots > room && !makeSlots(slots)) return false;
  mask = slots - 1;
  memory.fill(counts, 0, slots << 2);
  return true;
}

function makeSlots(slots: u32): bool {
  const counts_address = allocate(slots << 2);
  const digests_address = allocate(slots << 4);
  if (counts_address === 0 || digests_address === 0) return false;
  counts = counts_address;
  digests = digests_address;
  room = slots;
  return true;
}

/** The slot that has a digest, or the free one where it belongs. */
function slotOf(digest: v128): u32 {
  const keyed = (<u64>i64x2.extract_lane(digest, 0) ^ secretWord(0)) * (<u64>i64x2.extract_lane(digest, 1) | 1);
  let slot = <u32>((keyed + secretWord(8)) >> 32) & mask;
  while (load<u32>(counts + (slot << 2)) !== 0) {
    if (!v128.any_true(v128.xor(v128.load(digests + (slot << 4)), digest))) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

/** Counts one more of a digest, and returns how many came before it. Without memory it counts wrongly, and that is noted. */
export function countDigest(digest: v128): u32 {
  const slot = slotOf(digest);
  const counter = counts + (slot << 2);
  const before = load<u32>(counter);
  store<u32>(counter, before + 1);
  if (before > 0) return before;
  v128.store(digests + (slot << 4), digest);
  if (++digest_count << 1 > mask) growSlots();
  return 0;
}

/** Without memory for more slots the digests so far are forgotten, so that there is always a free one. */
function growSlots(): void {
  const old_counts = counts;
  const old_digests = digests;
  const old_slots = mask + 1;
  if (!makeSlots(old_slots << 1)) {
    digest_count = 0;
    memory.fill(counts, 0, old_slots << 2);
    return;
  }
  mask = (old_slots << 1) - 1;
  memory.fill(counts, 0, old_slots << 3);
  for (let old: u32 = 0; old < old_slots; old++) {
    const count = load<u32>(old_counts + (old << 2));
    if (count === 0) continue;
    const digest = v128.load(old_digests + (old << 4));
    const slot = slotOf(digest);
    store<u32>(counts + (slot << 2), count);
    v128.store(digests + (slot << 4), digest);
  }
}

/**
 * How often each digest came within one request: an open-addressing table over the digests themselves, since a Map would need a
 * string or a BigInt for every event of every batch.
 */
import { DIGEST_WORDS } from '../../kernel/kernel.ts';

const SLOTS_MIN = 256;
/** Slots per digest, so that a probe rarely goes on to a second slot. */
const SLOTS_PER_DIGEST = 2;

export class DigestCounts {
  /** Per slot: 0 when free, else how often its digest came. */
  private counts = new Uint32Array(SLOTS_MIN);
  private digests = new Uint32Array(SLOTS_MIN * DIGEST_WORDS);
  private mask = SLOTS_MIN - 1;

  /** Forgets everything and makes room for so many digests. */
  begin(digests_max: number): void {
    const slots = Math.max(SLOTS_MIN, 2 ** Math.ceil(Math.log2(digests_max * SLOTS_PER_DIGEST)));
    if (slots <= this.counts.length) {
      this.counts.fill(0, 0, slots);
    } else {
      this.counts = new Uint32Array(slots);
      this.digests = new Uint32Array(slots * DIGEST_WORDS);
    }
    this.mask = slots - 1;
  }

  /** Counts one more of `digest`, and returns how many came before it. */
  add(digest: Uint32Array): number {
    const { counts, digests, mask } = this;
    let slot = digest[0] & mask;
    for (;;) {
      const at = slot * DIGEST_WORDS;
      if (counts[slot] === 0) {
        for (let word = 0; word < DIGEST_WORDS; word++) digests[at + word] = digest[word];
        counts[slot] = 1;
        return 0;
      }
      const is_same =
        digests[at] === digest[0] && digests[at + 1] === digest[1] && digests[at + 2] === digest[2] && digests[at + 3] === digest[3];
      if (is_same) return counts[slot]++;
      slot = (slot + 1) & mask;
    }
  }
}

/** Pseudo-random numbers that a seed repeats exactly, on every machine: the fleet is a function of its seed. */

const RANGE = 2 ** 32;

/**
 * Scrambles 32 bits one-to-one (the finalizer of MurmurHash3): different inputs have different outputs, so that numbered
 * things get identities that look random and never collide.
 */
export function scramble(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** sfc32, the small fast counting generator of PractRand: 128 bits of state, a period of at least 2^32. */
export class SeededRandom {
  /** a, b, c and the counter: in an array of integers, since a field of this size would be a number on the heap. */
  private readonly state: Int32Array;

  /** @param seed any whole number from 0 to 2^53 - 1; all of its bits matter */
  constructor(seed: number) {
    this.state = Int32Array.of(0, seed | 0, Math.floor(seed / RANGE) | 0, 1);
    for (let round = 0; round < 12; round++) this.next();
  }

  /** The next 32 bits, 0 to 2^32 - 1. */
  next(): number {
    const { state } = this;
    const [a = 0, b = 0, c = 0, counter = 0] = [state[0], state[1], state[2], state[3]];
    const sum = (a + b + counter) | 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    state[3] = counter + 1;
    return sum >>> 0;
  }

  /** A whole number from 0 to limit - 1. */
  below(limit: number): number {
    return Math.floor((this.next() * limit) / RANGE);
  }

  /** In [0, 1). */
  fraction(): number {
    return this.next() / RANGE;
  }
}

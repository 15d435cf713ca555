/**
 * Many UUIDs in little memory: 32 bytes for each in typed arrays, which the garbage collector does not look into. Open addressing with linear
 * probing; nothing is removed but all of it.
 */
import { assert } from '../base/assert.ts';

export const ID_WORDS = 4;
export const ID_BYTES = 4 * ID_WORDS;
/** Of one table; half of its slots stay free, so that a look finds one soon. */
export const TABLE_IDS_MAX = 1 << 16;
const SLOTS = 2 * TABLE_IDS_MAX;

export type IdWords = Readonly<Int32Array>;

/** Values of hexadecimal digits by their character's code. */
const NIBBLES = new Uint8Array(128);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  NIBBLES[digit.charCodeAt(0)] = value;
  NIBBLES[digit.toUpperCase().charCodeAt(0)] = value;
}
/** Where the words begin in a UUID's text, whose second and fourth have a dash in the middle, as 8 digits each. */
const WORD_DIGITS = [
  [0, 1, 2, 3, 4, 5, 6, 7],
  [9, 10, 11, 12, 14, 15, 16, 17],
  [19, 20, 21, 22, 24, 25, 26, 27],
  [28, 29, 30, 31, 32, 33, 34, 35],
];
const TEXT_CHARACTERS = 36;

/** Writes the words of a UUID's text to `words`, which it returns. */
export function idWords(text: string, words: Int32Array): Int32Array {
  assert(text.length === TEXT_CHARACTERS, 'BUG: an event is named by what is no UUID');
  for (let word = 0; word < ID_WORDS; word++) {
    let value = 0;
    for (const at of WORD_DIGITS[word]) value = (value << 4) | NIBBLES[text.charCodeAt(at)];
    words[word] = value;
  }
  return words;
}

export class IdTable {
  count = 0;
  private readonly words = new Int32Array(SLOTS * ID_WORDS);
  /** The one UUID that a free slot looks like. */
  private has_nil = false;

  /** @param seed of this process: nobody else knows which ids meet in one slot */
  constructor(private readonly seed: number) {}

  has(id: IdWords): boolean {
    return isNil(id) ? this.has_nil : !this.isFree(this.slotOf(id));
  }

  /** What is there already is not counted again. */
  add(id: IdWords): void {
    assert(this.count < TABLE_IDS_MAX, 'BUG: a table of ids takes more than it has room for');
    if (this.has(id)) return;
    this.count++;
    if (isNil(id)) this.has_nil = true;
    else this.words.set(id, this.slotOf(id) * ID_WORDS);
  }

  /** Where the id is, or would be. */
  private slotOf(id: IdWords): number {
    const { words } = this;
    const [first, second, third, fourth] = [id[0], id[1], id[2], id[3]];
    let slot = mixed(first ^ this.seed, second, third, fourth) & (SLOTS - 1);
    for (;;) {
      const at = slot * ID_WORDS;
      const is_it = words[at] === first && words[at + 1] === second && words[at + 2] === third && words[at + 3] === fourth;
      if (is_it || this.isFree(slot)) return slot;
      slot = (slot + 1) & (SLOTS - 1);
    }
  }

  private isFree(slot: number): boolean {
    const { words } = this;
    const at = slot * ID_WORDS;
    return (words[at] | words[at + 1] | words[at + 2] | words[at + 3]) === 0;
  }
}

function isNil(id: IdWords): boolean {
  return (id[0] | id[1] | id[2] | id[3]) === 0;
}

function mixed(first: number, second: number, third: number, fourth: number): number {
  let mix = Math.imul(first, 0x9e3779b1) ^ second;
  mix = Math.imul(mix ^ (mix >>> 15), 0x85ebca6b) ^ third;
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35) ^ fourth;
  mix = Math.imul(mix ^ (mix >>> 16), 0x9e3779b1);
  return mix ^ (mix >>> 15);
}

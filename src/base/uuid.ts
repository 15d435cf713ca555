/** UUIDs as blocks carry them, and as people read them. */

const HALF_DIGITS = 8;

function digits(word: number): string {
  return (word >>> 0).toString(16).padStart(HALF_DIGITS, '0');
}

/** The text of a UUID in four little-endian words, the high half's two and then the low half's: ClickHouse's Native layout. */
export function uuidText(words: Uint32Array): string {
  const [high_low, high_high, low_low, low_high] = words;
  const high = digits(high_high) + digits(high_low);
  const low = digits(low_high) + digits(low_low);
  return `${high.slice(0, 8)}-${high.slice(8, 12)}-${high.slice(12)}-${low.slice(0, 4)}-${low.slice(4)}`;
}

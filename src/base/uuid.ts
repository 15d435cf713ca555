/** UUIDs as blocks carry them, and as people read them. */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function digits(word: number): string {
  return HEX[word >>> 24] + HEX[(word >>> 16) & 255] + HEX[(word >>> 8) & 255] + HEX[word & 255];
}

/** The text of a UUID in four little-endian words, the high half's two and then the low half's: ClickHouse's Native layout. */
export function uuidText(words: Uint32Array): string {
  const [high_low, high_high, low_low, low_high] = words;
  const [middle, end] = [digits(high_low), digits(low_high)];
  return `${digits(high_high)}-${middle.slice(0, 4)}-${middle.slice(4)}-${end.slice(0, 4)}-${end.slice(4)}${digits(low_low)}`;
}

/**
 * The entries of one dictionary column of a segment: each record brings some, and they become one dictionary without doubles.
 *
 * Bounded: DICTIONARY_ENTRIES_MAX entries of DICTIONARY_BYTES_MAX in all. Beyond that it `overflowed`, and has given its memory back.
 */
import { readVaruint, varuintBytes, writeVaruint } from '../../base/varint.ts';

export const DICTIONARY_ENTRIES_MAX = 65_536;
export const DICTIONARY_BYTES_MAX = 8 << 20;

export class DictionaryEntries {
  overflowed = false;
  /** From the indexes of the record in hand to the merged ones. */
  mapping = new Uint16Array(256);
  /** Keys are the entries' bytes as Latin-1: exact, and equal exactly when the bytes are. In order of insertion. */
  private readonly index_by_entry = new Map<string, number>();
  private entries_bytes = 0;
  /** The last record's entries as sent: most columns bring the same few again and again. */
  private previous: Buffer = Buffer.alloc(0);

  get count(): number {
    return this.index_by_entry.size;
  }

  /** Whether `mapping` is that of these entries already. */
  areMapped(entries: Buffer): boolean {
    return entries.equals(this.previous);
  }

  /** `mapping` is that of these entries now. */
  mapped(entries: Buffer): void {
    this.previous = Buffer.from(entries);
  }

  /** Makes room in `mapping`. */
  reserve(count: number): void {
    if (this.mapping.length < count) this.mapping = new Uint16Array(2 * count);
  }

  /** Maps the entries from `first` on, which begin at `offset`, and returns where the next one begins. */
  map(entries: Buffer, offset: number, first: number, end: number): number {
    let at = offset;
    for (let entry = first; entry < end; entry++) {
      const length = readVaruint(entries, at);
      at = length.next_offset + length.value;
      const index = this.intern(entries.toString('latin1', length.next_offset, at));
      if (index === undefined) {
        this.overflow();
        return at;
      }
      this.mapping[entry] = index;
    }
    return at;
  }

  /** In the order of their indexes. */
  values(): IterableIterator<string> {
    return this.index_by_entry.keys();
  }

  /** Room for the entries, each with its length before it. */
  allocateBytes(): Buffer {
    return Buffer.allocUnsafe(this.entries_bytes);
  }

  private intern(entry: string): number | undefined {
    const present = this.index_by_entry.get(entry);
    if (present !== undefined) return present;
    const index = this.index_by_entry.size;
    this.entries_bytes += varuintBytes(entry.length) + entry.length;
    if (index >= DICTIONARY_ENTRIES_MAX || this.entries_bytes > DICTIONARY_BYTES_MAX) return undefined;
    this.index_by_entry.set(entry, index);
    return index;
  }

  private overflow(): void {
    this.overflowed = true;
    this.index_by_entry.clear();
    this.mapping = new Uint16Array(0);
    this.previous = Buffer.alloc(0);
  }
}

/** Writes an entry with its length before it, and returns the offset behind it. */
export function writeEntry(into: Buffer, offset: number, entry: string): number {
  const at = writeVaruint(into, offset, entry.length);
  return at + into.write(entry, at, 'latin1');
}

/**
 * Memory for rows that are kept until they are in ClickHouse, in pages that are used again: a fresh page costs its zeroing and its page faults, and
 * memory that comes and goes by megabytes makes V8 collect garbage.
 *
 * Bounded by `bytes_max`. When there is no page left, `evict` may give some back; without it whoever asks goes without, and reads from the disk later.
 */

/** A column's first page is small, so that a table with little traffic holds little. */
export const FIRST_PAGE_BYTES = 16 << 10;
export const PAGE_BYTES = 256 << 10;

/** Free pages are kept for as many bytes as are in use, and for so many more. */
const FREE_BYTES_KEPT = 8 << 20;

export class PagePool {
  /** Gives pages back, if whoever has some can do without; whether it did. */
  evict: (() => boolean) | undefined;
  private used_bytes = 0;
  private free_bytes = 0;
  private readonly free_pages: Buffer[] = [];
  private readonly free_first_pages: Buffer[] = [];

  constructor(readonly bytes_max: number) {}

  /** Of all pages, in use or free. */
  get bytes(): number {
    return this.used_bytes + this.free_bytes;
  }

  /** A page of FIRST_PAGE_BYTES or PAGE_BYTES, not zeroed; undefined when there is no room for it. */
  take(bytes: typeof FIRST_PAGE_BYTES | typeof PAGE_BYTES): Buffer | undefined {
    while (this.used_bytes + bytes > this.bytes_max) {
      if (this.evict?.() !== true) return undefined;
    }
    this.used_bytes += bytes;
    const free = this.freeOf(bytes).pop();
    if (free === undefined) return Buffer.allocUnsafeSlow(bytes);
    this.free_bytes -= bytes;
    return free;
  }

  /** Takes pages back that nobody reads any more. */
  give(pages: readonly Buffer[]): void {
    this.forfeit(pages);
    for (const page of pages) {
      this.freeOf(page.length).push(page);
      this.free_bytes += page.length;
    }
    while (this.free_bytes > this.used_bytes + FREE_BYTES_KEPT) {
      const surplus = this.free_pages.pop() ?? this.free_first_pages.pop();
      this.free_bytes -= surplus?.length ?? 0;
    }
  }

  /** Counts the pages as gone, but does not use them again: somebody may still read them. */
  forfeit(pages: readonly Buffer[]): void {
    for (const page of pages) this.used_bytes -= page.length;
  }

  private freeOf(bytes: number): Buffer[] {
    return bytes === PAGE_BYTES ? this.free_pages : this.free_first_pages;
  }
}

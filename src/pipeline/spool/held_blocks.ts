/**
 * The Native blocks of sealed segments that are still in memory, for delivery: what it sends is what was checked and written, and nothing is read back.
 *
 * Each is lent once. Whoever comes a second time, after an INSERT that did not end well, gets what is on the disk, checked; and since nobody knows how long a
 * connection that failed still reads, pages are only used again when the first INSERT has delivered them. When memory runs short the block that was sealed last goes first: those before it are
 * sent sooner.
 */
import { Readable } from 'node:stream';
import type { HeldBlock } from './held_rows.ts';
import type { PagePool } from './page_pool.ts';

export class HeldBlocks {
  private readonly waiting = new Map<string, HeldBlock>();
  private readonly lent = new Map<string, HeldBlock>();

  constructor(private readonly pool: PagePool) {
    pool.evict = () => this.evictLast();
  }

  /** Keeps the block until it was lent and the segment is delivered or forgotten. */
  add(segment_id: string, block: HeldBlock): void {
    this.waiting.set(segment_id, block);
  }

  /** The block as a stream, the first time. */
  lend(segment_id: string): Readable | undefined {
    const block = this.waiting.get(segment_id);
    if (block === undefined) {
      this.forfeit(segment_id);
      return undefined;
    }
    this.waiting.delete(segment_id);
    this.lent.set(segment_id, block);
    return Readable.from(block.pieces, { objectMode: false });
  }

  /** ClickHouse has all of the segment: nobody reads its block any more. */
  delivered(segment_id: string): void {
    const block = this.lent.get(segment_id);
    this.lent.delete(segment_id);
    if (block !== undefined) this.pool.give(block.pages);
  }

  /** The segment is out of the queue. */
  forget(segment_id: string): void {
    this.forfeit(segment_id);
    const block = this.waiting.get(segment_id);
    this.waiting.delete(segment_id);
    if (block !== undefined) this.pool.give(block.pages);
  }

  private forfeit(segment_id: string): void {
    const block = this.lent.get(segment_id);
    if (block === undefined) return;
    this.lent.delete(segment_id);
    this.pool.forfeit(block.pages);
  }

  private evictLast(): boolean {
    const last = [...this.waiting.keys()].at(-1);
    if (last === undefined) return false;
    this.forget(last);
    return true;
  }
}

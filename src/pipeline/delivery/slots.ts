/** A bound on how much is under way at once: whoever finds no slot waits for one, first come, first served. */
import { assert } from '../../base/assert.ts';

export class Slots {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(count: number) {
    assert(count >= 1, 'BUG: no slots');
    this.free = count;
  }

  /** Runs `work` while holding a slot. */
  async hold<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      // A waiter takes over the slot itself, so that nobody who comes now can overtake it.
      const next = this.waiting.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }
}

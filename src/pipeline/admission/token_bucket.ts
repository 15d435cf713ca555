/**
 * A bucket that fills at a steady rate and is paid from afterwards: while there is anything in it, whatever comes is let through,
 * and may leave it in debt. So nothing is ever refused by halves, and on average no more passes than the rate.
 */
export class TokenBucket {
  private level: number;

  /**
   * @param rate tokens per second, above zero
   * @param capacity tokens that it holds at most, above zero; it begins full
   * @param now_ms of a clock that never goes back, here and below
   */
  constructor(
    private rate: number,
    private capacity: number,
    private filled_ms: number,
  ) {
    this.level = capacity;
  }

  /** Other bounds from now on; a debt stays one. */
  resize(rate: number, capacity: number, now_ms: number): void {
    this.fill(now_ms);
    this.rate = rate;
    this.capacity = capacity;
    this.level = Math.min(this.level, capacity);
  }

  take(tokens: number, now_ms: number): void {
    this.fill(now_ms);
    this.level -= tokens;
  }

  /** Milliseconds until there is a whole token in it; 0 when there is. */
  waitMs(now_ms: number): number {
    this.fill(now_ms);
    return Math.max(0, ((Math.min(1, this.capacity) - this.level) / this.rate) * 1000);
  }

  private fill(now_ms: number): void {
    this.level = Math.min(this.capacity, this.level + ((now_ms - this.filled_ms) / 1000) * this.rate);
    this.filled_ms = now_ms;
  }
}

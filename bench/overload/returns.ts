/** Attempts that are to be made later. Many of them, of few delays: those of one delay are due in the order in which they came. */
export interface Attempt {
  readonly serial: number;
  readonly due_ms: number;
  readonly tries: number;
}

interface Delayed {
  attempts: Attempt[];
  /** Those before it are made. */
  next: number;
}

const FORGOTTEN_MIN = 1024;

export class Returns {
  private readonly by_delay = new Map<number, Delayed>();
  private count = 0;

  size(): number {
    return this.count;
  }

  /** `due_ms` is `delay_ms` from now. */
  add(delay_ms: number, attempt: Attempt): void {
    this.count++;
    const delayed = this.by_delay.get(delay_ms);
    if (delayed === undefined) this.by_delay.set(delay_ms, { attempts: [attempt], next: 0 });
    else delayed.attempts.push(attempt);
  }

  /** Makes those that are due. */
  makeDue(now_ms: number, make: (attempt: Attempt) => void): void {
    for (const delayed of this.by_delay.values()) {
      for (
        let first = delayed.attempts[delayed.next];
        first !== undefined && first.due_ms <= now_ms;
        first = delayed.attempts[delayed.next]
      ) {
        delayed.next++;
        this.count--;
        make(first);
      }
      if (delayed.next < FORGOTTEN_MIN) continue;
      delayed.attempts = delayed.attempts.slice(delayed.next);
      delayed.next = 0;
    }
  }
}

/**
 * How many rows of a table may be given up, and how fast.
 *
 * Finding the bad rows of a segment one by one costs INSERTs and files. A few are nothing; half a million at once are not bad rows but a table that somebody
 * changed. So a table spends from a purse that refills slowly, and nothing of it when rows are given up again and again while no segment goes in: then there
 * is no sign that the table takes any row. What may not be given up now is kept in the spool and tried again later, whole.
 */
import type { Clock } from '../../contract/ports.ts';

export interface LetterBudgetLimits {
  /** Rows that may be given up at once. */
  readonly letters_burst: number;
  /** Milliseconds until one more may be. */
  readonly letter_refill_ms: number;
  /** Rows given up in a row, without one segment of the table going in between. */
  readonly letters_in_a_row_max: number;
}

export class LetterBudget {
  private left: number;
  private counted_ms: number;
  private in_a_row = 0;

  constructor(
    private readonly clock: Clock,
    private readonly limits: LetterBudgetLimits,
  ) {
    this.left = limits.letters_burst;
    this.counted_ms = clock.monotonicMs();
  }

  /** Whether a row may be given up now, or a segment be split in search of one. */
  hasSome(): boolean {
    const { letters_burst, letter_refill_ms, letters_in_a_row_max } = this.limits;
    const now_ms = this.clock.monotonicMs();
    this.left = Math.min(letters_burst, this.left + (now_ms - this.counted_ms) / letter_refill_ms);
    this.counted_ms = now_ms;
    return this.left >= 1 && this.in_a_row < letters_in_a_row_max;
  }

  spend(): void {
    this.left--;
    this.in_a_row++;
  }

  /** A segment of the table went in. True when that is the sign that was waited for: the table takes rows again. */
  delivered(): boolean {
    const was_waited_for = this.in_a_row >= this.limits.letters_in_a_row_max;
    this.in_a_row = 0;
    return was_waited_for;
  }
}

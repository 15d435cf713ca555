/** Which month a time of receipt is in: asked per request, so that the calendar is only asked when the month changes. */
export class Months {
  private month = 0;
  private start_ms = 0;
  private end_ms = 0;

  /** The month of a time, in UTC, as yyyymm. */
  of(time_ms: number): number {
    if (time_ms < this.start_ms || time_ms >= this.end_ms) this.turnTo(new Date(time_ms));
    return this.month;
  }

  private turnTo(date: Date): void {
    const year = date.getUTCFullYear();
    const month = date.getUTCMonth();
    this.month = year * 100 + month + 1;
    this.start_ms = Date.UTC(year, month);
    this.end_ms = Date.UTC(year, month + 1);
  }
}

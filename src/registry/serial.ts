/** One after the other: who decides by what it reads must not be overtaken by who writes. */

export class Serial {
  private last: Promise<unknown> = Promise.resolve();

  /** Runs `work` once everything before it has ended, well or badly. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }
}

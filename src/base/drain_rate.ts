/**
 * How much a second leaves something, bytes or pieces, lately: an average in which what is `time_constant_ms` old counts e times less than
 * what is new. It forgets by itself, so that what has come to a halt is seen to drain slower and slower.
 */
export class DrainRate {
  private weight = 0;
  private updated_ms: number;
  private readonly started_ms: number;

  /** @param now_ms of a clock that never goes back, here and below */
  constructor(
    private readonly time_constant_ms: number,
    now_ms: number,
  ) {
    this.updated_ms = now_ms;
    this.started_ms = now_ms;
  }

  add(amount: number, now_ms: number): void {
    this.forget(now_ms);
    this.weight += amount;
  }

  /** 0 before anything has left. */
  perSecond(now_ms: number): number {
    this.forget(now_ms);
    // Of a steady stream this much of the time constant has gone by so far: soon after the start far less than all of it.
    const seen_ms = this.time_constant_ms * (1 - Math.exp((this.started_ms - now_ms) / this.time_constant_ms));
    return seen_ms === 0 ? 0 : (this.weight / seen_ms) * 1000;
  }

  private forget(now_ms: number): void {
    this.weight *= Math.exp((this.updated_ms - now_ms) / this.time_constant_ms);
    this.updated_ms = now_ms;
  }
}

/** How long a crowd's attempts took, and where: until the crowd began them, until a connection was free, and from written to answered. */
import { LatencyHistogram } from '../../src/cli/load/latency_histogram.ts';

export interface Times {
  /** Of acknowledged attempts, from when they were due. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
  /** Of them, from when they were written to the socket: what the daemon has to do with, and how soon this process reads an answer. */
  readonly written_p50_ms: number;
  readonly written_p99_ms: number;
  /** Of all attempts while new requests were sent: how late the crowd itself was, and how long they then waited for a connection. */
  readonly late_p99_ms: number;
  readonly late_max_ms: number;
  readonly unconnected_p99_ms: number;
  /** Of those that were refused, from when they were written. */
  readonly refused_p99_ms: number;
}

/** All times are of one clock, in milliseconds. */
export class CrowdTimes {
  private readonly from_due = new LatencyHistogram();
  private readonly from_written = new LatencyHistogram();
  private readonly to_begun = new LatencyHistogram();
  private readonly to_connected = new LatencyHistogram();
  private readonly to_refused = new LatencyHistogram();

  begun(due_ms: number, now_ms: number): void {
    record(this.to_begun, due_ms, now_ms);
  }

  connected(begun_ms: number, now_ms: number): void {
    record(this.to_connected, begun_ms, now_ms);
  }

  acknowledged({ due_ms, written_ms, now_ms }: { readonly due_ms: number; readonly written_ms: number; readonly now_ms: number }): void {
    record(this.from_due, due_ms, now_ms);
    record(this.from_written, written_ms, now_ms);
  }

  refused(written_ms: number, now_ms: number): void {
    record(this.to_refused, written_ms, now_ms);
  }

  report(): Times {
    return {
      p50_ms: quantileMs(this.from_due, 0.5),
      p99_ms: quantileMs(this.from_due, 0.99),
      max_ms: quantileMs(this.from_due, 1),
      written_p50_ms: quantileMs(this.from_written, 0.5),
      written_p99_ms: quantileMs(this.from_written, 0.99),
      late_p99_ms: quantileMs(this.to_begun, 0.99),
      late_max_ms: quantileMs(this.to_begun, 1),
      unconnected_p99_ms: quantileMs(this.to_connected, 0.99),
      refused_p99_ms: quantileMs(this.to_refused, 0.99),
    };
  }
}

function record(histogram: LatencyHistogram, from_ms: number, to_ms: number): void {
  histogram.record((to_ms - from_ms) * 1000);
}

function quantileMs(histogram: LatencyHistogram, share: number): number {
  return histogram.quantileUs(share) / 1000;
}

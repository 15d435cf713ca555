/** The books of one load: every event sent is acknowledged or not, every acknowledged one accepted or rejected. */
import { LatencyHistogram } from './latency_histogram.ts';

export class Tally {
  readonly latencies = new LatencyHistogram();
  /** How often each answer came: a status, or the code of what went wrong instead. */
  readonly answers = new Map<string, number>();
  sent_requests = 0;
  sent_events = 0;
  sent_bytes = 0;
  acknowledged_events = 0;
  accepted_events = 0;
  rejected_events = 0;
  retries = 0;

  /** A batch goes out for the first time; its retries are not counted here. */
  countSent(events: number, request_bytes: number): void {
    this.sent_requests += 1;
    this.sent_events += events;
    this.sent_bytes += request_bytes;
  }

  countAnswer(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }

  countAcknowledged(accepted: number, rejected: number, latency_ms: number): void {
    this.acknowledged_events += accepted + rejected;
    this.accepted_events += accepted;
    this.rejected_events += rejected;
    this.latencies.record(latency_ms * 1000);
  }
}

/**
 * A crowd of senders as a process of its own: `node sender.js PLAN`, the plan as JSON. With a rate it sends that many new requests a second
 * whether the ones before are answered or not; without one each of its connections sends the next when the last is answered. Prints one
 * line, a `Report`.
 *
 * Of those that are refused, some obey: they come back after `Retry-After`, also when no new ones are sent any more. The others are back at
 * once, a few times.
 */

import type { HttpAnswer } from '../../src/cli/load/http_answer.ts';
import { LatencyHistogram } from '../../src/cli/load/latency_histogram.ts';
import { NumberedRequest, type RequestShape } from './batch.ts';
import { Line } from './line.ts';

export interface SenderPlan extends RequestShape {
  readonly port: number;
  /** 0: as fast as it goes. */
  readonly requests_per_s: number;
  readonly seconds: number;
  readonly connections_max: number;
  /** Of ten senders so many come back at once. */
  readonly impatient_of_ten: number;
}

export interface Report {
  /** While new requests were sent. */
  readonly duration_ms: number;
  readonly offered: number;
  readonly attempts: number;
  /** Acknowledged meanwhile, and afterwards by those who came back. */
  readonly acknowledged: number;
  readonly acknowledged_late: number;
  /** Numbers of all requests that were acknowledged. */
  readonly serials: readonly number[];
  /** Of acknowledged attempts, from when they were due. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
  readonly refused: number;
  /** Answers that are neither an acknowledgement nor a refusal that says when to come back, and attempts without an answer. */
  readonly wrong: Readonly<Record<string, number>>;
  readonly given_up: number;
  /** Obedient ones that were not acknowledged by the end, and how often the most unlucky one came back. */
  readonly left: number;
  readonly tries_max: number;
  readonly cpu_us: number;
}

interface Attempt {
  readonly serial: number;
  readonly due_ms: number;
  readonly tries: number;
}

const IMPATIENT_MS = 50;
const IMPATIENT_TRIES_MAX = 5;
const LATE_MS_MAX = 60_000;
const TICK_MS = 1;

class Crowd {
  private readonly latencies = new LatencyHistogram();
  private readonly serials: number[] = [];
  private readonly wrong: Record<string, number> = {};
  private readonly idle: Line[] = [];
  private readonly waiting: Attempt[] = [];
  private lines = 0;
  private under_way = 0;
  private coming_back = 0;
  private next_serial = 0;
  private attempts = 0;
  private refused = 0;
  private given_up = 0;
  private tries_max = 0;
  private acknowledged_in_time = 0;
  private end_ms = Number.POSITIVE_INFINITY;

  constructor(private readonly plan: SenderPlan) {}

  async run(): Promise<Report> {
    const { requests_per_s, seconds, connections_max } = this.plan;
    if (requests_per_s > 0) await this.connect();
    const before = process.cpuUsage();
    const start_ms = performance.now();
    this.end_ms = start_ms + seconds * 1000;
    const timer = setInterval(() => this.tick(start_ms), TICK_MS);
    if (requests_per_s === 0) for (let line = 0; line < connections_max; line++) this.send(this.fresh(start_ms));
    await until(() => performance.now() >= this.end_ms);
    clearInterval(timer);
    const { cpuUsage } = process;
    const used = cpuUsage(before);
    const offered = this.next_serial;
    const deadline_ms = this.end_ms + LATE_MS_MAX;
    await until(() => (this.under_way === 0 && this.coming_back === 0 && this.waiting.length === 0) || performance.now() > deadline_ms);
    const left = this.under_way + this.coming_back + this.waiting.length;
    return {
      duration_ms: seconds * 1000,
      offered,
      attempts: this.attempts,
      acknowledged: this.acknowledged_in_time,
      acknowledged_late: this.serials.length - this.acknowledged_in_time,
      serials: this.serials,
      p50_ms: this.latencies.quantileUs(0.5) / 1000,
      p99_ms: this.latencies.quantileUs(0.99) / 1000,
      max_ms: this.latencies.maxUs() / 1000,
      refused: this.refused,
      wrong: this.wrong,
      given_up: this.given_up,
      left,
      tries_max: this.tries_max,
      cpu_us: used.user + used.system,
    };
  }

  /** A fleet is connected before it is too many; one by one, since a port takes only so many at once. */
  private async connect(): Promise<void> {
    for (let line = this.open(); line !== undefined; line = this.open()) {
      this.idle.push(line);
      await line.connect();
    }
  }

  private fresh(due_ms: number): Attempt {
    return { serial: this.next_serial++, due_ms, tries: 1 };
  }

  private tick(start_ms: number): void {
    const now_ms = Math.min(performance.now(), this.end_ms);
    const due = Math.floor(((now_ms - start_ms) / 1000) * this.plan.requests_per_s);
    while (this.plan.requests_per_s > 0 && this.next_serial < due) {
      this.send(this.fresh(start_ms + (this.next_serial * 1000) / this.plan.requests_per_s));
    }
  }

  /** Sends it on a connection that is free, or on a new one; when there can be no more, it waits its turn. */
  private send(attempt: Attempt): void {
    const line = this.idle.pop() ?? this.open();
    if (line === undefined) {
      this.waiting.push(attempt);
      return;
    }
    this.under_way++;
    this.attempts++;
    this.tries_max = Math.max(this.tries_max, attempt.tries);
    line.send(attempt.serial, (answer) => {
      this.under_way--;
      this.idle.push(line);
      this.settle(attempt, answer);
      const next = this.waiting.shift();
      if (next !== undefined) this.send(next);
    });
  }

  private open(): Line | undefined {
    if (this.lines === this.plan.connections_max) return undefined;
    this.lines++;
    return new Line(this.plan.port, new NumberedRequest(this.plan));
  }

  private settle(attempt: Attempt, answer: HttpAnswer | string): void {
    const now_ms = performance.now();
    if (typeof answer === 'object' && answer.status === 202) {
      this.serials.push(attempt.serial);
      this.latencies.record((now_ms - attempt.due_ms) * 1000);
      if (now_ms <= this.end_ms) this.acknowledged_in_time++;
    } else if (typeof answer === 'object' && (answer.status === 503 || answer.status === 429) && answer.retry_after_s !== undefined) {
      this.refused++;
      this.comeBack(attempt, answer.retry_after_s);
    } else {
      const name = typeof answer === 'object' ? String(answer.status) : answer;
      this.wrong[name] = (this.wrong[name] ?? 0) + 1;
    }
    if (this.plan.requests_per_s === 0 && now_ms < this.end_ms) this.send(this.fresh(now_ms));
  }

  private comeBack({ serial, tries }: Attempt, retry_after_s: number): void {
    const is_impatient = serial % 10 < this.plan.impatient_of_ten;
    if (is_impatient && tries >= IMPATIENT_TRIES_MAX) {
      this.given_up++;
      return;
    }
    const delay_ms = is_impatient ? IMPATIENT_MS : retry_after_s * 1000;
    this.coming_back++;
    const due_ms = performance.now() + delay_ms;
    setTimeout(() => {
      this.coming_back--;
      this.send({ serial, due_ms, tries: tries + 1 });
    }, delay_ms);
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const plan: SenderPlan = JSON.parse(process.argv[2] ?? '');
const report = await new Crowd(plan).run();
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));

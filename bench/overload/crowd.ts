/**
 * A crowd of senders: with a rate it sends that many new requests a second whether the ones before are answered or not; without one each of its
 * connections sends the next when the last is answered.
 *
 * Of those that are refused, some obey: they come back after `Retry-After`, also when no new ones are sent any more. The others are back at
 * once, a few times.
 */
import type { HttpAnswer } from '../../src/cli/load/http_answer.ts';
import { NumberedRequest, type RequestShape } from './batch.ts';
import { type KnownAnswer, Line, type LineOwner } from './line.ts';
import { type Attempt, Returns } from './returns.ts';
import { CrowdTimes, type Times } from './times.ts';

export interface CrowdPlan extends RequestShape {
  readonly port: number;
  /** 0: as fast as it goes. */
  readonly requests_per_s: number;
  readonly seconds: number;
  /** At the beginning: what is offered and acknowledged in them does not count. */
  readonly uncounted_seconds: number;
  readonly connections_max: number;
  /** Of ten senders so many come back at once. */
  readonly impatient_of_ten: number;
  /** How long those who were sent away are waited for when no new ones are sent any more. */
  readonly late_seconds_max: number;
}

export interface Report extends Times {
  /** While new requests were sent and counted. */
  readonly duration_ms: number;
  readonly offered: number;
  readonly attempts: number;
  /** Acknowledged meanwhile, and afterwards by those who came back. */
  readonly acknowledged: number;
  readonly acknowledged_late: number;
  /** Numbers of all requests that were acknowledged. */
  readonly serials: readonly number[];
  readonly refused: number;
  /** Before any were counted. */
  readonly refused_uncounted: number;
  /** Answers that are neither an acknowledgement nor a refusal that says when to come back, and attempts without an answer. */
  readonly wrong: Readonly<Record<string, number>>;
  readonly given_up: number;
  /** Obedient ones that were not acknowledged by the end, and how often the most unlucky one came back. */
  readonly left: number;
  readonly tries_max: number;
  /** Of one core, while new requests were sent. */
  readonly core_share: number;
}

const IMPATIENT_MS = 50;
const IMPATIENT_TRIES_MAX = 5;
const TICK_MS = 1;
const POLL_MS = 10;

/** An attempt that the crowd has come to, and that no connection is free for. */
interface Unconnected extends Attempt {
  readonly taken_ms: number;
}

export class Crowd implements LineOwner {
  readonly port: number;
  readonly request: NumberedRequest;
  known: KnownAnswer = { bytes: undefined, answer: { status: 0, body: '', retry_after_s: undefined, last: false } };
  private readonly times = new CrowdTimes();
  private readonly serials: number[] = [];
  private readonly wrong: Record<string, number> = {};
  /** First come, first used: a connection that rests for long is closed. */
  private idle: Line[] = [];
  private next_idle = 0;
  private unconnected: Unconnected[] = [];
  private next_unconnected = 0;
  private readonly returns = new Returns();
  private lines = 0;
  private under_way = 0;
  private next_serial = 0;
  private attempts = 0;
  private refused = 0;
  private given_up = 0;
  private tries_max = 0;
  private acknowledged_in_time = 0;
  private acknowledged_late = 0;
  private refused_uncounted = 0;
  private start_ms = 0;
  private counted_ms = 0;
  private end_ms = 0;

  constructor(private readonly plan: CrowdPlan) {
    this.port = plan.port;
    this.request = new NumberedRequest(plan);
  }

  async run(): Promise<Report> {
    const { requests_per_s, seconds, uncounted_seconds } = this.plan;
    await this.connect();
    const before = process.cpuUsage();
    this.start_ms = performance.now();
    this.counted_ms = this.start_ms + uncounted_seconds * 1000;
    this.end_ms = this.start_ms + seconds * 1000;
    const timer = setInterval(() => this.tick(), TICK_MS);
    if (requests_per_s === 0) while (this.idle.length > this.next_idle) this.begin(this.fresh(this.start_ms), this.start_ms);
    await until(() => performance.now() >= this.counted_ms);
    const offered_uncounted = this.next_serial;
    this.refused_uncounted = this.refused;
    await until(() => performance.now() >= this.end_ms);
    const used = process.cpuUsage(before);
    const core_share = (used.user + used.system) / ((performance.now() - this.start_ms) * 1000);
    const offered = this.next_serial - offered_uncounted;
    const deadline_ms = this.end_ms + this.plan.late_seconds_max * 1000;
    await until(() => this.countLeft() === 0 || performance.now() > deadline_ms);
    clearInterval(timer);
    for (const line of this.idle.slice(this.next_idle)) line.close();
    const duration_ms = this.end_ms - this.counted_ms;
    return { ...this.times.report(), ...this.reportCounts(), duration_ms, offered, core_share };
  }

  settle(line: Line, answer: HttpAnswer | string): void {
    this.under_way--;
    const now_ms = performance.now();
    const { serial, tries } = line;
    if (typeof answer === 'string') this.countWrong(answer);
    else if (answer.status === 202) this.acknowledge(line, now_ms);
    else if ((answer.status === 503 || answer.status === 429) && answer.retry_after_s !== undefined) {
      this.refused++;
      this.times.refused(line.written_ms, now_ms);
      this.comeBack(serial, tries, answer.retry_after_s);
    } else this.countWrong(String(answer.status));
    this.idle.push(line);
    const next = this.takeUnconnected();
    if (next !== undefined) this.send(next, next.taken_ms, now_ms);
    else if (this.plan.requests_per_s === 0 && now_ms < this.end_ms) this.begin(this.fresh(now_ms), now_ms);
  }

  private reportCounts(): Omit<Report, keyof Times | 'duration_ms' | 'offered' | 'core_share'> {
    const { attempts, acknowledged_in_time: acknowledged, acknowledged_late, serials } = this;
    const { refused, refused_uncounted, wrong, given_up, tries_max } = this;
    const left = this.countLeft();
    return { attempts, acknowledged, acknowledged_late, serials, refused, refused_uncounted, wrong, given_up, left, tries_max };
  }

  /** A fleet is connected before it is too many; one by one, since a port takes only so many at once. */
  private async connect(): Promise<void> {
    while (this.lines < this.plan.connections_max) {
      const line = new Line(this);
      this.lines++;
      this.idle.push(line);
      await line.connect();
    }
  }

  private fresh(due_ms: number): Attempt {
    return { serial: this.next_serial++, due_ms, tries: 1 };
  }

  private tick(): void {
    const { requests_per_s } = this.plan;
    const now_ms = performance.now();
    const due = Math.floor(((Math.min(now_ms, this.end_ms) - this.start_ms) / 1000) * requests_per_s);
    while (requests_per_s > 0 && this.next_serial < due) {
      this.begin(this.fresh(this.start_ms + (this.next_serial * 1000) / requests_per_s), performance.now());
    }
    this.returns.makeDue(now_ms, (attempt) => this.begin(attempt, performance.now()));
  }

  /** The crowd has come to it. Sends it, or when no connection is free, lets it wait its turn. */
  private begin(attempt: Attempt, now_ms: number): void {
    if (now_ms <= this.end_ms) this.times.begun(attempt.due_ms, now_ms);
    if (this.next_idle < this.idle.length) this.send(attempt, now_ms, now_ms);
    else this.unconnected.push({ ...attempt, taken_ms: now_ms });
  }

  private send({ serial, due_ms, tries }: Attempt, taken_ms: number, now_ms: number): void {
    const line = this.takeIdle();
    this.under_way++;
    this.attempts++;
    this.tries_max = Math.max(this.tries_max, tries);
    if (now_ms <= this.end_ms) this.times.connected(taken_ms, now_ms);
    line.serial = serial;
    line.due_ms = due_ms;
    line.tries = tries;
    line.send(now_ms);
  }

  private takeIdle(): Line {
    const line = this.idle[this.next_idle++];
    if (this.next_idle > this.plan.connections_max) {
      this.idle = this.idle.slice(this.next_idle);
      this.next_idle = 0;
    }
    return line;
  }

  private takeUnconnected(): Unconnected | undefined {
    if (this.next_unconnected === this.unconnected.length) return undefined;
    const next = this.unconnected[this.next_unconnected++];
    if (this.next_unconnected > this.plan.connections_max) {
      this.unconnected = this.unconnected.slice(this.next_unconnected);
      this.next_unconnected = 0;
    }
    return next;
  }

  private acknowledge({ serial, due_ms, written_ms }: Line, now_ms: number): void {
    this.serials.push(serial);
    this.times.acknowledged({ due_ms, written_ms, now_ms });
    if (now_ms > this.end_ms) this.acknowledged_late++;
    else if (now_ms >= this.counted_ms) this.acknowledged_in_time++;
  }

  private countWrong(name: string): void {
    this.wrong[name] = (this.wrong[name] ?? 0) + 1;
  }

  private comeBack(serial: number, tries: number, retry_after_s: number): void {
    const is_impatient = serial % 10 < this.plan.impatient_of_ten;
    if (is_impatient && tries >= IMPATIENT_TRIES_MAX) {
      this.given_up++;
      return;
    }
    const delay_ms = is_impatient ? IMPATIENT_MS : retry_after_s * 1000;
    this.returns.add(delay_ms, { serial, due_ms: performance.now() + delay_ms, tries: tries + 1 });
  }

  private countLeft(): number {
    return this.under_way + this.returns.size() + this.unconnected.length - this.next_unconnected;
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

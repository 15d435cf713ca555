/**
 * One request that reads: from its head to its answer. It owns the response, which must not be touched once aborted; the client's
 * going away and the time limit both end it, and tell whoever works on the answer.
 */
import { type ErrorCode, OperatingError } from '../../contract/errors.ts';
import type { Clock, Timer } from '../../contract/ports.ts';
import type { ReadRequest, ReadRoute } from '../../contract/read_route.ts';
import { type Answer, errorAnswer } from './answers.ts';
import type { HttpResponse } from './engine.ts';

/** What every read request shares. */
export interface ReadContext {
  readonly clock: Clock;
  write(response: HttpResponse, answer: Answer): void;
  /** For the metrics, once per answered request. */
  answered(path: string, status: number, duration_ms: number): void;
  /** A route failed in a way that it should not know: for the log. */
  failed(path: string, error: unknown): void;
  /** Counts requests between their head and their answer. */
  inFlight(change: 1 | -1): void;
  /** For an answer of 503 with this code. */
  retryAfterSeconds(code: ErrorCode): number;
}

/** The longest that a client waits for an answer, milliseconds. */
export const READ_MS_MAX = 10_000;

export class ReadExchange {
  private readonly started_ms: number;
  private readonly abandoned = new AbortController();
  private readonly timer: Timer;
  private is_over = false;

  /** Begins; the response must be in its handler still. `close` ends the connection with the answer. */
  constructor(
    private readonly context: ReadContext,
    private readonly response: HttpResponse,
    private readonly route: ReadRoute,
    private readonly close: boolean,
  ) {
    this.started_ms = context.clock.monotonicMs();
    context.inFlight(1);
    response.onAborted(() => this.finish());
    this.timer = context.clock.schedule(READ_MS_MAX, () => this.fail(new OperatingError('read_timed_out')));
  }

  /** Has the request answered; resolves when nobody works on it any more, which may be after the client went away. Never rejects. */
  async run(request: Omit<ReadRequest, 'signal'>): Promise<void> {
    try {
      this.end(await this.route.answer({ ...request, signal: this.abandoned.signal }));
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    if (this.is_over) return;
    const is_expected = error instanceof OperatingError && error.status !== 500;
    if (!is_expected) this.context.failed(this.route.path, error);
    const { code, context } = is_expected ? error : new OperatingError('internal_error');
    this.end(errorAnswer(this.route.error_shape, code, context, this.context.retryAfterSeconds(code)));
  }

  private end(answer: Answer): void {
    if (this.is_over) return;
    this.context.write(this.response, { ...answer, close: this.close });
    this.context.answered(this.route.path, answer.status, this.context.clock.monotonicMs() - this.started_ms);
    this.finish();
  }

  /** From here on the response is not touched. */
  private finish(): void {
    if (this.is_over) return;
    this.is_over = true;
    this.timer.cancel();
    this.abandoned.abort();
    this.context.inFlight(-1);
  }
}

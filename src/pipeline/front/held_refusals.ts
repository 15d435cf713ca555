/**
 * Keeps some of those who are refused waiting for their answer.
 *
 * Who sends one request after the other and does not do as `Retry-After` says is back as soon as he is answered, and to refuse him again costs a
 * fifth of what it costs to take him, or half where his body has to be read first: a thousand such connections left the daemon a quarter of its time for
 * what it took, and ClickHouse on the same machine a third of the time that it needs to make room. While he waits he sends nothing. So a refusal is
 * held for a second as long as there is a place for it. Where there is none it is answered at once: whoever does not wait for answers is not slowed
 * down by waiting, and needs his connections for others.
 *
 * It owns the responses that it holds: each is answered, or seen to be aborted. Of a held request's body nothing is kept.
 */
import type { ErrorCode } from '../../contract/errors.ts';
import type { Clock } from '../../contract/ports.ts';
import type { Answer } from './answers.ts';

export const HOLD_MS = 1000;
/** Responses that are held at a time: of a fleet a few, of a thousand connections that never rest all that are refused. */
export const HELD_MAX = 1024;
/** Whoever is refused with one of these would be again, if he came back at once. */
export const HELD_CODES: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode | undefined>([
  'overloaded',
  'shedding',
  'spool_full',
  'disk_nearly_full',
]);
/** Those that are due within it are answered together. */
const STEP_MS = 50;

/** What is asked of a response that waits. */
interface Abortable {
  onAborted(handler: () => void): unknown;
}

export interface HeldRefusalsPorts<Response> {
  readonly clock: Clock;
  write(response: Response, answer: Answer): void;
  /** Counts requests between their head and their answer. */
  inFlight(change: 1 | -1): void;
}

interface Held<Response> {
  readonly response: Response;
  readonly answer: Answer;
  readonly due_ms: number;
  is_aborted: boolean;
}

export class HeldRefusals<Response extends Abortable> {
  /** In the order in which they are due. One whose client is gone keeps its place until then. */
  private held: Held<Response>[] = [];
  private is_timed = false;
  private is_ended = false;

  constructor(private readonly ports: HeldRefusalsPorts<Response>) {}

  /** Whether the response is held, and no more the caller's. It must not be aborted. */
  hold(response: Response, answer: Answer): boolean {
    if (this.is_ended || this.held.length >= HELD_MAX) return false;
    const held = { response, answer, due_ms: this.ports.clock.monotonicMs() + HOLD_MS, is_aborted: false };
    response.onAborted(() => {
      held.is_aborted = true;
    });
    this.held.push(held);
    this.ports.inFlight(1);
    this.awaitDue();
    return true;
  }

  /** Answers all that are held, and holds nobody any more. */
  end(): void {
    this.is_ended = true;
    this.answerUntil(Number.POSITIVE_INFINITY);
  }

  private awaitDue(): void {
    if (this.is_timed || this.held.length === 0) return;
    this.is_timed = true;
    this.ports.clock.schedule(STEP_MS, () => {
      this.is_timed = false;
      this.answerUntil(this.ports.clock.monotonicMs());
      this.awaitDue();
    });
  }

  private answerUntil(now_ms: number): void {
    const not_due = this.held.findIndex(({ due_ms }) => due_ms > now_ms);
    const due = this.held.splice(0, not_due === -1 ? this.held.length : not_due);
    for (const { response, answer, is_aborted } of due) {
      if (!is_aborted) this.ports.write(response, answer);
      this.ports.inFlight(-1);
    }
  }
}

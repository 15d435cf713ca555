/**
 * Answers from ClickHouse for the page, so that no number of open pages can take from delivery what it needs: one question is asked
 * at a time, the same question is asked once for all who wait for it, and its answer is kept for a multiple of what it took.
 */
import { OperatingError } from '../../contract/errors.ts';
import type { Clock } from '../../contract/ports.ts';
import type { AdminPage } from '../admin_server.ts';

const KEPT_MS_MIN = 5_000;
/** Questions of the page take at most a tenth of ClickHouse's time. */
const KEPT_PER_DURATION = 10;
const KEPT_MAX = 64;
const WAITING_MAX = 16;
const ANSWER_MS_MAX = 9_000;

interface Kept {
  readonly until_ms: number;
  readonly page: AdminPage;
}

export class Answers {
  private readonly kept = new Map<string, Kept>();
  private readonly asked = new Map<string, Promise<AdminPage>>();
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly clock: Clock) {}

  /**
   * @param name of the question: the same name has the same answer
   * @param ask rejects with an OperatingError, which becomes the answer; anything else is thrown
   */
  get(name: string, ask: (signal: AbortSignal) => Promise<object>): Promise<AdminPage> {
    const known = this.kept.get(name);
    if (known !== undefined && known.until_ms > this.clock.monotonicMs()) return Promise.resolve(known.page);
    const running = this.asked.get(name);
    if (running !== undefined) return running;
    if (this.asked.size >= WAITING_MAX) return Promise.resolve(failure(new OperatingError('overloaded')));
    const turn = this.last.then(() => this.ask(name, ask));
    this.asked.set(name, turn);
    this.last = turn.catch(() => undefined).finally(() => this.asked.delete(name));
    return turn;
  }

  private async ask(name: string, ask: (signal: AbortSignal) => Promise<object>): Promise<AdminPage> {
    const started_ms = this.clock.monotonicMs();
    const abortion = new AbortController();
    const timer = this.clock.schedule(ANSWER_MS_MAX, () => abortion.abort());
    const page = await ask(abortion.signal)
      .then((value): AdminPage => ({ status: 200, content_type: 'application/json', body: JSON.stringify(value) }), failure)
      .finally(() => timer.cancel());
    const now_ms = this.clock.monotonicMs();
    this.keep(name, { page, until_ms: now_ms + Math.max(KEPT_MS_MIN, KEPT_PER_DURATION * (now_ms - started_ms)) });
    return page;
  }

  /** What was kept longest goes when there are too many. */
  private keep(name: string, kept: Kept): void {
    this.kept.delete(name);
    this.kept.set(name, kept);
    const [oldest] = this.kept.keys();
    if (this.kept.size > KEPT_MAX && oldest !== undefined) this.kept.delete(oldest);
  }
}

function failure(error: unknown): AdminPage {
  if (!(error instanceof OperatingError)) throw error;
  const { code, message, status } = error;
  return { status, content_type: 'application/json', body: JSON.stringify({ ok: false, error: code, message }) };
}

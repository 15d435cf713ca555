/**
 * What is remembered of sessions, so that a client that lost its connection can send again what it has no answer to, and is told what
 * it would have been told.
 *
 * Answers leave in the order in which they become known, and a client has no more messages without an answer than the window allows:
 * so the answers that it can have missed are among the last `window` ones, and these are kept. It is a convenience and bounded: what is
 * forgotten (too many sessions, too old, a restart) is stored once more under the same `event_id`, which statistics count once.
 */
import type { ErrorCode, ErrorContext } from '../../../contract/errors.ts';
import type { Clock } from '../../../contract/ports.ts';
import type { Tenant } from '../../../contract/tenant.ts';

export type Outcome =
  | { readonly kind: 'counted'; readonly accepted: number; readonly rejected: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly context: ErrorContext };

export interface ResumeLimits {
  /** Answers that are kept of one session. */
  readonly answers_max: number;
  /** Answers that are kept of all sessions; a session counts as one more. */
  readonly answers_in_all_max: number;
  /** How long a session is remembered after it was last used. */
  readonly age_ms_max: number;
}

interface Remembered {
  /** Of the message's bytes. */
  readonly digest: string;
  /** Undefined until it is known. */
  outcome: Outcome | undefined;
  readonly waiting: ((outcome: Outcome) => void)[];
}

/** One session, whatever the connections that it had. */
export class SessionMemory {
  used_ms = 0;
  private is_forgotten = false;
  private readonly messages = new Map<number, Remembered>();

  constructor(
    private readonly book: SessionBook,
    readonly name: string,
  ) {}

  /** Answers and messages that are remembered, and the session itself. */
  get weight(): number {
    return this.messages.size + 1;
  }

  /**
   * Whether the message `seq` is a new one. For one that came before, `answer` is called with what became of it, at once or when it is known.
   */
  meet(seq: number, digest: string, answer: (outcome: Outcome) => void): 'new' | 'repeated' | 'other_message' {
    const known = this.messages.get(seq);
    if (known === undefined) return 'new';
    if (known.digest !== digest) return 'other_message';
    if (known.outcome === undefined) known.waiting.push(answer);
    else answer(known.outcome);
    return 'repeated';
  }

  /** A new message is under way. */
  begin(seq: number, digest: string): void {
    this.messages.set(seq, { digest, outcome: undefined, waiting: [] });
    this.book.changed(this, 1);
  }

  /** Keeps the answer to a message that was begun; one that failed may be tried again. */
  settle(seq: number, outcome: Outcome): void {
    const message = this.messages.get(seq);
    if (message === undefined) return;
    this.messages.delete(seq);
    if (outcome.kind === 'counted' && !this.is_forgotten) {
      message.outcome = outcome;
      // To the end: the oldest answer goes first.
      this.messages.set(seq, message);
      this.book.changed(this, -this.forgetAnswers(this.book.limits.answers_max));
    } else {
      this.book.changed(this, -1);
    }
    for (const answer of message.waiting.splice(0)) answer(outcome);
  }

  /** Keeps no answers from here on: a connection may still use this session. */
  forget(): void {
    this.is_forgotten = true;
    this.forgetAnswers(0);
  }

  /** Forgets the oldest answers until so many messages are left, or none but those under way. Returns how many. */
  private forgetAnswers(kept: number): number {
    const before = this.messages.size;
    for (const [seq, { outcome }] of this.messages) {
      if (this.messages.size <= kept) break;
      if (outcome !== undefined) this.messages.delete(seq);
    }
    return before - this.messages.size;
  }
}

/** All sessions, the one that was not used for longest first. */
export class SessionBook {
  private readonly sessions = new Map<string, SessionMemory>();
  private weight = 0;

  constructor(
    private readonly clock: Clock,
    readonly limits: ResumeLimits,
  ) {}

  /** The session of this name, which a tenant shares with nobody. */
  open(tenant: Tenant, name: string): SessionMemory {
    const key = JSON.stringify([tenant.organization_id, tenant.project_id, tenant.environment, name]);
    const known = this.sessions.get(key);
    const memory = known ?? new SessionMemory(this, key);
    if (known === undefined) {
      this.sessions.set(key, memory);
      this.weight += memory.weight;
    }
    this.changed(memory, 0);
    return memory;
  }

  /** Sessions and answers that are remembered. */
  size(): number {
    return this.weight;
  }

  /** `memory` was used, and has so many messages more. */
  changed(memory: SessionMemory, by: number): void {
    if (this.sessions.get(memory.name) !== memory) return;
    this.weight += by;
    memory.used_ms = this.clock.monotonicMs();
    this.sessions.delete(memory.name);
    this.sessions.set(memory.name, memory);
    for (const oldest of this.sessions.values()) {
      const is_old = memory.used_ms - oldest.used_ms > this.limits.age_ms_max;
      if (oldest === memory || (!is_old && this.weight <= this.limits.answers_in_all_max)) return;
      this.sessions.delete(oldest.name);
      this.weight -= oldest.weight;
      oldest.forget();
    }
  }
}

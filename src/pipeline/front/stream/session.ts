/**
 * One connection of the stream: a state machine between the messages that come in and the answers that go out. It knows nothing of
 * sockets but what `StreamSocket` says.
 *
 * `open`: each message goes the way of a request's body, and is answered when its fate is known, in the order in which fates become
 * known. `draining`: what is in hand is answered, what comes is refused, and then the connection ends. `closed`: nothing is sent any
 * more; what was submitted keeps its place in the budget until its fate is known.
 */
import { hash } from 'node:crypto';
import type { ErrorCode, ErrorContext } from '../../../contract/errors.ts';
import { formatNumber, PLAIN_FORMAT } from '../../../contract/format.ts';
import type { Clock } from '../../../contract/ports.ts';
import type { Meter } from '../../../contract/rate.ts';
import type { Submission } from '../../../contract/responder.ts';
import type { Identity, KeyUse, Tenant } from '../../../contract/tenant.ts';
import type { ByteBudget } from '../byte_budget.ts';
import type { WorkInHand } from '../work_in_hand.ts';
import { countedAnswer, errorAnswer, failedForNow, helloMessage } from './answers.ts';
import { seqOfJson, seqOfMessagePack } from './message_seq.ts';
import type { Outcome, SessionMemory } from './resume.ts';

/** The connection as a session sees it. */
export interface StreamSocket {
  /** Sends text messages, in order and together. */
  send(messages: readonly string[]): void;
  /** Ends the connection in the way of the protocol. The session is not called afterwards. */
  end(code: number, reason: string): void;
}

export interface StreamLimits {
  readonly message_bytes_max: number;
  /** Messages, and their bytes, that one connection may have without an answer. */
  readonly window_messages: number;
  readonly window_bytes: number;
}

/** What became of a message, for the metrics. */
export type MessageFate = 'acknowledged' | 'repeated' | 'refused' | 'deferred';

export interface SessionContext {
  readonly clock: Clock;
  readonly budget: ByteBudget;
  /** Knows when there are as many messages and requests as are worked off soon. */
  readonly work: WorkInHand;
  limits(): StreamLimits;
  /** Hands a message on as a request's body; it is copied before this returns. */
  submit(submission: Submission, body: Uint8Array): void;
  /** A message of so many bytes has its fate, and it was not refused for now: what advice on when to come back rests on. */
  workedOff(bytes: number): void;
  /** Counts messages between their arrival and their fate. */
  inFlight(change: 1 | -1): void;
  /** When a sender that was turned away may come back; spread, so that they do not come together. */
  retryAfterMs(code: ErrorCode): number;
  lookupKey(presented: string, use: KeyUse): Identity | undefined;
  settled(fate: MessageFate): void;
}

/** Whose session it is, and what messages of it are. */
export interface SessionOwner {
  readonly tenant: Tenant;
  readonly presented_key: string;
  readonly key_use: KeyUse;
  readonly source: number;
  readonly route: number;
  /** What the key may send; undefined when it has no limits, which can change at any time. */
  meter(): Meter | undefined;
  /** Of a session that may be resumed. */
  readonly memory: SessionMemory | undefined;
  /** Whether the client asked to be told the limits first. */
  readonly wants_hello: boolean;
}

/** Close codes (RFC 6455, section 7.4.1, and the registry that it names). */
export const CLOSE = { policy_violation: 1008, message_too_big: 1009, service_restart: 1012 } as const;

const MESSAGE_PACK_FORMAT = formatNumber({ media: 'msgpack', coding: 'identity' });
const OPENING_BRACE = 0x7b;
/** How long a key that counted is believed to count. */
const KEY_BELIEVED_MS = 1000;

interface Message {
  readonly bytes: Buffer;
  readonly format: number;
  readonly seq: number;
  /** Undefined for a message that cannot be sent again under its number. */
  readonly digest: string | undefined;
}

export class StreamSession {
  private state: 'open' | 'draining' | 'closed' = 'open';
  private received = 0;
  private pending_messages = 0;
  private pending_bytes = 0;
  /** Messages beyond the window since the last one within. */
  private beyond_window = 0;
  private key_checked_ms: number;
  private outgoing: string[] = [];

  constructor(
    private readonly context: SessionContext,
    private readonly socket: StreamSocket,
    private readonly owner: SessionOwner,
  ) {
    this.key_checked_ms = context.clock.monotonicMs();
    if (owner.wants_hello) this.send(helloMessage(context.limits()));
  }

  /** Takes a message, whose bytes are only valid until this returns. */
  receive(bytes: Buffer, is_binary: boolean): void {
    if (this.state === 'closed') return;
    this.received++;
    const { message_bytes_max } = this.context.limits();
    if (bytes.length > message_bytes_max) {
      this.end(CLOSE.message_too_big, `a message may have ${message_bytes_max} bytes`);
    } else if (!this.keyCounts()) {
      this.end(CLOSE.policy_violation, 'the API key is not valid any more');
    } else {
      this.read(bytes, is_binary);
    }
  }

  /** Takes no more messages, answers those in hand, and ends the connection with the advice to come back. */
  drain(): void {
    if (this.state !== 'open') return;
    this.state = 'draining';
    this.endWhenDrained();
  }

  /** Ends the connection now. */
  end(code: number, reason: string): void {
    if (this.state === 'closed') return;
    this.flush();
    this.state = 'closed';
    this.socket.end(code, reason);
  }

  /** The connection is gone. */
  lost(): void {
    this.state = 'closed';
    this.outgoing = [];
  }

  /** A key that was revoked must not live on in a connection; asking with each message would double what it costs. */
  private keyCounts(): boolean {
    const now_ms = this.context.clock.monotonicMs();
    if (now_ms - this.key_checked_ms < KEY_BELIEVED_MS) return true;
    this.key_checked_ms = now_ms;
    return this.context.lookupKey(this.owner.presented_key, this.owner.key_use) !== undefined;
  }

  private read(bytes: Buffer, is_binary: boolean): void {
    // No map of MessagePack begins like a JSON object, and some clients send all bytes as binary.
    const is_message_pack = is_binary && bytes[0] !== OPENING_BRACE;
    const own_seq = is_message_pack ? seqOfMessagePack(bytes) : seqOfJson(bytes);
    if (own_seq === 'invalid') {
      this.refuse(null, 'stream_seq_invalid');
      return;
    }
    const is_resumable = own_seq !== undefined && this.owner.memory !== undefined;
    this.take({
      bytes,
      format: is_message_pack ? MESSAGE_PACK_FORMAT : PLAIN_FORMAT,
      seq: own_seq ?? this.received,
      digest: is_resumable ? hash('sha256', bytes, 'base64') : undefined,
    });
  }

  private take(message: Message): void {
    if (this.state === 'draining') this.refuse(message.seq, 'shutting_down');
    else if (!this.fitsWindow(message.bytes.length)) this.refuseBeyondWindow(message.seq);
    else if (message.digest === undefined || this.isNew(message.seq, message.digest)) this.submit(message);
  }

  private fitsWindow(bytes: number): boolean {
    const { window_messages, window_bytes } = this.context.limits();
    return this.pending_messages < window_messages && this.pending_bytes + bytes <= window_bytes;
  }

  /** A client may be unaware of the window, but one that goes on as if there were none is not listening. */
  private refuseBeyondWindow(seq: number): void {
    const { window_messages, window_bytes } = this.context.limits();
    if (++this.beyond_window > window_messages) {
      this.end(CLOSE.policy_violation, `no more than ${window_messages} messages may wait for an answer`);
      return;
    }
    this.refuse(seq, 'stream_window_exceeded', { window_messages, window_bytes });
  }

  /** Whether a message of a session that may be resumed is one that did not come before; else it is answered as that one is. */
  private isNew(seq: number, digest: string): boolean {
    this.begin(0);
    const met = this.owner.memory?.meet(seq, digest, (outcome) => {
      this.settle(0);
      this.answer(seq, outcome, 'repeated');
    });
    if (met === 'repeated') return false;
    this.settle(0);
    if (met === 'other_message') this.refuse(seq, 'stream_seq_reused', { seq });
    return met !== 'other_message';
  }

  private submit({ bytes, format, seq, digest }: Message): void {
    const { context, owner } = this;
    const meter = owner.meter();
    const limited = meter?.refusal();
    if (limited !== undefined) {
      this.refuse(seq, limited.code, { limit: limited.limit, unit: limited.unit }, limited.retry_after_s * 1000);
      return;
    }
    meter?.chargeBytes(bytes.length);
    // Whoever sends a batch can wait, on a connection of its own or on one that stays.
    if (context.work.isEnough() || !context.budget.take(bytes.length)) {
      this.refuse(seq, 'overloaded');
      return;
    }
    const held_bytes = bytes.length;
    const came_ms = context.clock.monotonicMs();
    context.work.enter(held_bytes);
    this.beyond_window = 0;
    this.begin(held_bytes);
    if (digest !== undefined) owner.memory?.begin(seq, digest);
    const finish = (outcome: Outcome): void => {
      context.budget.give(held_bytes);
      const now_ms = context.clock.monotonicMs();
      const is_worked_off = outcome.kind === 'counted' || !failedForNow(outcome.code);
      context.work.leave(held_bytes, is_worked_off ? now_ms - came_ms : Number.POSITIVE_INFINITY, now_ms);
      if (is_worked_off) context.workedOff(held_bytes);
      this.settle(held_bytes);
      this.answer(seq, outcome, 'acknowledged');
      if (digest !== undefined) owner.memory?.settle(seq, outcome);
    };
    const { source, route, tenant } = owner;
    const submission: Submission = {
      ...{ source, route, tenant, format, idempotency_key: '', uses_reserve: false },
      counted: (accepted, rejected) => {
        meter?.chargeEvents(accepted + rejected);
        finish({ kind: 'counted', accepted, rejected });
      },
      answered: () => finish({ kind: 'counted', accepted: 1, rejected: 0 }),
      failed: (code, failure = {}) => finish({ kind: 'failed', code, context: failure }),
    };
    context.submit(submission, bytes);
  }

  private begin(bytes: number): void {
    this.pending_messages++;
    this.pending_bytes += bytes;
    this.context.inFlight(1);
  }

  private settle(bytes: number): void {
    this.pending_messages--;
    this.pending_bytes -= bytes;
    this.context.inFlight(-1);
  }

  private answer(seq: number, outcome: Outcome, fate: 'acknowledged' | 'repeated'): void {
    if (outcome.kind === 'failed') {
      this.refuse(seq, outcome.code, outcome.context);
    } else {
      this.context.settled(fate);
      this.send(countedAnswer(seq, outcome.accepted, outcome.rejected));
    }
    this.endWhenDrained();
  }

  private refuse(seq: number | null, code: ErrorCode, error_context: ErrorContext = {}, retry_after_ms?: number): void {
    this.context.settled(failedForNow(code) ? 'deferred' : 'refused');
    this.send(errorAnswer(seq, code, error_context, retry_after_ms ?? this.context.retryAfterMs(code)));
  }

  /** Answers that become known together leave together: a slab brings many, and each write is a system call. */
  private send(message: string): void {
    if (this.state === 'closed') return;
    if (this.outgoing.push(message) === 1) queueMicrotask(() => this.flush());
  }

  private flush(): void {
    const { outgoing } = this;
    if (outgoing.length === 0 || this.state === 'closed') return;
    this.outgoing = [];
    this.socket.send(outgoing);
  }

  private endWhenDrained(): void {
    if (this.state !== 'draining' || this.pending_messages > 0) return;
    this.end(CLOSE.service_restart, JSON.stringify({ retry_after_ms: this.context.retryAfterMs('shutting_down') }));
  }
}

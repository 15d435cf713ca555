/**
 * One request that brings events: from its head to its answer. It owns the response, which must not be touched once aborted,
 * and gives back to the budget what it took, whatever happens.
 */
import { assert } from '../../base/assert.ts';
import type { ErrorCode, ErrorContext } from '../../contract/errors.ts';
import type { Media } from '../../contract/format.ts';
import type { Meter } from '../../contract/rate.ts';
import type { Submission } from '../../contract/responder.ts';
import type { Route } from '../../contract/source.ts';
import type { Tenant } from '../../contract/tenant.ts';
import { type UploadIntake, WHOLE_BODY_BYTES_MAX } from '../../contract/upload.ts';
import { type Answer, errorAnswer } from './answers.ts';
import { BodyCollector } from './body_collector.ts';
import type { HttpResponse } from './engine.ts';
import { HELD_CODES } from './held_refusals.ts';
import type { IngestContext } from './ingest_context.ts';
import { DRAINED_BYTES_MAX } from './refused_body.ts';
import type { RequestHead } from './request_head.ts';

/**
 * `reading` the body, `uploading` it while it is read, `draining` what is left of one that was refused, `submitted` and waiting for its
 * fate, or `over`: answered or given up.
 */
type State = 'reading' | 'uploading' | 'draining' | 'submitted' | 'over';

/** What an upload takes of the budget, whatever its length. */
const UPLOAD_BYTES = 10 * 2 ** 20;

/** A route and where it stands in the list of sources. */
export interface RoutePlace {
  readonly route: Route;
  readonly source: number;
  /** Position among the source's routes. */
  readonly index: number;
  readonly media: readonly Media[];
  /** Whether a body that is too long to be held may be read while it arrives. */
  readonly takes_uploads: boolean;
  readonly uses_reserve: boolean;
}

export class IngestRequest implements Submission {
  readonly source: number;
  readonly route: number;
  readonly format: number;
  readonly idempotency_key: string;
  readonly uses_reserve: boolean;
  /** The announced length of the body; -1 when it comes in chunks. */
  private readonly expected_bytes: number;
  private readonly started_ms: number;
  private state: State = 'reading';
  private is_aborted = false;
  private is_paused = false;
  private collector: BodyCollector | undefined;
  private intake: UploadIntake | undefined;
  /** Why a body was refused while it came, until its end. */
  private refusal: Answer | undefined;
  private drained_bytes = 0;
  private body_bytes = 0;
  /** Whether it is a batch that has arrived whole, and since when it may have waited. */
  private is_in_hand = false;
  private came_ms = 0;
  /** What was taken from the budget. */
  private held_bytes = 0;

  constructor(
    private readonly context: IngestContext,
    private readonly response: HttpResponse,
    private readonly place: RoutePlace,
    readonly tenant: Tenant,
    head: RequestHead,
    /** Of the key, when it has limits. */
    private readonly meter: Meter | undefined,
    /** Of the client, when it has taken one of its address's places; else empty. */
    private readonly address: string,
  ) {
    this.source = place.source;
    this.route = place.index;
    this.format = head.format();
    this.uses_reserve = place.uses_reserve;
    this.idempotency_key = head.idempotency_key;
    this.expected_bytes = head.content_length;
    this.started_ms = context.clock.monotonicMs();
    context.inFlight(1);
    response.onAborted(() => this.abort());
    response.onData((chunk, is_last) => this.receive(new Uint8Array(chunk), is_last));
  }

  counted(accepted: number, rejected: number): void {
    this.meter?.chargeEvents(accepted + rejected);
    this.end({ status: this.place.route.status, body: `{"accepted":${accepted},"rejected":${rejected}}` });
  }

  answered(body: string): void {
    this.meter?.chargeEvents(1);
    this.end({ status: this.place.route.status, body });
  }

  failed(code: ErrorCode, context: ErrorContext = {}): void {
    const answer = errorAnswer(this.place.route.error_shape, code, context, this.context.retryAfterSeconds(code));
    this.end(answer, this.is_in_hand && HELD_CODES.has(code));
  }

  /** Chunks still come after an early answer to a chunked upload; they are thrown away. */
  private receive(chunk: Uint8Array, is_last: boolean): void {
    this.meter?.chargeBytes(chunk.length);
    if (this.state === 'uploading') {
      this.passOn(chunk, is_last);
      return;
    }
    if (this.state === 'draining') this.drain(chunk, is_last);
    if (this.state !== 'reading') return;
    const body_bytes_max = this.context.bodyBytesMax(this.place);
    const body_bytes = Math.max(this.body_bytes + chunk.length, this.expected_bytes);
    if (body_bytes > body_bytes_max) {
      this.cutOff('body_too_large', { body_bytes_max });
    } else if (body_bytes > WHOLE_BODY_BYTES_MAX && this.place.takes_uploads) {
      this.beginUpload(chunk, is_last);
    } else if (this.hold(chunk.length)) {
      this.body_bytes += chunk.length;
      this.keep(chunk, is_last);
    } else {
      this.refuse('overloaded', chunk, is_last);
    }
  }

  private drain(chunk: Uint8Array, is_last: boolean): void {
    this.drained_bytes += chunk.length;
    if (this.refusal === undefined || (!is_last && this.drained_bytes <= DRAINED_BYTES_MAX)) return;
    this.state = 'submitted';
    this.end({ ...this.refusal, close: !is_last });
  }

  private hold(bytes: number): boolean {
    if (!this.context.budget.take(bytes, this.uses_reserve)) return false;
    this.held_bytes += bytes;
    return true;
  }

  /** The body is too long to be held: what there is of it goes on, and the rest as it comes. */
  private beginUpload(chunk: Uint8Array, is_last: boolean): void {
    if (!this.hold(UPLOAD_BYTES)) {
      this.refuse('overloaded', chunk, is_last);
      return;
    }
    this.state = 'uploading';
    this.intake = this.context.beginUpload(this, {
      pause: () => this.pause(),
      resume: () => this.resume(),
    });
    if (this.intake === undefined) {
      this.drain(chunk, is_last);
      return;
    }
    const collected = this.collector?.collected();
    this.collector = undefined;
    if (collected !== undefined) this.intake.push(collected);
    this.passOn(chunk, is_last);
  }

  private pause(): void {
    if (this.is_aborted || this.is_paused) return;
    this.is_paused = true;
    this.response.pause();
  }

  /** A socket that was not paused and is resumed stops for good. */
  private resume(): void {
    if (this.is_aborted || !this.is_paused) return;
    this.is_paused = false;
    this.response.resume();
  }

  private passOn(chunk: Uint8Array, is_last: boolean): void {
    this.body_bytes += chunk.length;
    if (chunk.length > 0) this.intake?.push(chunk);
    if (!is_last) return;
    this.state = 'submitted';
    this.intake?.end();
  }

  private keep(chunk: Uint8Array, is_last: boolean): void {
    if (is_last && this.collector === undefined) {
      this.submit(chunk);
      return;
    }
    this.collector ??= new BodyCollector();
    this.collector.add(chunk, this.expected_bytes);
    if (!is_last) return;
    const body = this.collector.collected();
    this.collector = undefined;
    this.submit(body);
  }

  private submit(body: Uint8Array): void {
    this.state = 'submitted';
    if (this.place.takes_uploads) {
      this.is_in_hand = true;
      this.came_ms = this.context.turn.startMs();
      this.context.work.enter(this.body_bytes);
    }
    this.context.submit(this, body);
  }

  /** Answers before the body has ended, and ends the connection: more of the body would only come in to be thrown away. */
  private cutOff(code: ErrorCode, context: ErrorContext): void {
    this.end({ ...errorAnswer(this.place.route.error_shape, code, context, this.context.retryAfterSeconds(code)), close: true });
  }

  /** Answers when the body has ended, of which nothing is kept: a client reads an answer when it has sent all. */
  private refuse(code: ErrorCode, chunk: Uint8Array, is_last: boolean): void {
    this.beginDraining(errorAnswer(this.place.route.error_shape, code, {}, this.context.retryAfterSeconds(code)));
    this.drain(chunk, is_last);
  }

  private beginDraining(refusal: Answer): void {
    this.state = 'draining';
    this.refusal = refusal;
    this.collector = undefined;
    this.intake = undefined;
    this.context.budget.give(this.held_bytes);
    this.held_bytes = 0;
  }

  /** The client is gone: what was submitted keeps its place in memory until its fate is known, the rest is dropped. */
  private abort(): void {
    this.is_aborted = true;
    if (this.state === 'reading' || this.state === 'draining') this.finish();
    if (this.state === 'uploading') this.intake?.breakOff();
  }

  private end(answer: Answer, may_wait = false): void {
    assert(this.state !== 'over', 'BUG: a request was answered twice');
    if (this.state === 'uploading' && !this.is_aborted) {
      this.beginDraining(answer);
      this.resume();
      return;
    }
    const waits = may_wait && !this.is_aborted && this.context.hold(this.response, answer);
    if (!this.is_aborted && !waits) this.context.write(this.response, answer);
    const now_ms = this.context.clock.monotonicMs();
    this.context.answered(this.place.route, answer.status, now_ms - this.started_ms, this.body_bytes);
    const wait_ms = answer.status === 503 ? Number.POSITIVE_INFINITY : now_ms - this.came_ms;
    if (this.is_in_hand) this.context.work.leave(this.body_bytes, wait_ms, now_ms);
    this.finish();
  }

  private finish(): void {
    this.state = 'over';
    this.collector = undefined;
    this.intake = undefined;
    this.context.budget.give(this.held_bytes);
    if (this.address !== '') this.context.places.give(this.address);
    this.context.inFlight(-1);
  }
}

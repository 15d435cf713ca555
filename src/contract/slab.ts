/**
 * A slab: many request bodies in one buffer that main thread and workers share, so that nothing is copied or transferred between
 * them. It belongs to the main thread until it is dispatched, to the worker until the result is back, and to nobody else.
 *
 * Layout: a table of `requests_max` entries of 8 words, then the bodies. The front end's side writes words 0 to 5 of an entry,
 * the worker answers in words 6 and 7:
 * ```
 * 0 offset of the body, from the slab's start   1 its length in bytes   2 index into the task's tenants
 * 3 position among the source's routes, and the format above 8 bits      4,5 f64 received_at_ms
 * 6 accepted events, or -1 - (position in ERROR_CODES) when the request as a whole failed      7 rejected events
 * ```
 */
import { assert } from '../base/assert.ts';
import { ERROR_CODES, type ErrorCode, type ErrorContext } from './errors.ts';
import type { Claim } from './gate.ts';
import type { Deviation } from './source.ts';
import type { Tenant } from './tenant.ts';

const ENTRY_WORDS = 8;
export const SLAB_ENTRY_BYTES = ENTRY_WORDS * 4;
const FORMAT_SHIFT = 8;
const ROUTE_MASK = 255;

/** What crosses to a worker; `buffer` and `output` are shared. */
export interface SlabTask {
  /** Position in the list of sources. */
  readonly source: number;
  readonly buffer: SharedArrayBuffer;
  readonly requests_max: number;
  readonly requests: number;
  /** Whether every body is JSON as it is. */
  readonly is_plain: boolean;
  /** Bytes of `buffer` in use, table included. */
  readonly bytes: number;
  readonly tenants: readonly Tenant[];
  /** `Idempotency-Key` of each request, empty for none; no entries when no request has one. */
  readonly idempotency_keys: readonly string[];
  /** What fresh identities are made of: never used before. */
  readonly identity_seed: string;
  /** A larger event is rejected alone. */
  readonly event_bytes_max: number;
  /** A compressed body that unfolds to more is refused. */
  readonly body_bytes_max: number;
  /** While room is scarce: the types of events of which a request must bring one, or be refused. */
  readonly priority_types?: readonly string[] | undefined;
  /** Where the blocks go; the worker answers with a larger one when they do not fit. */
  readonly output: SharedArrayBuffer;
}

/** What comes back; the outcomes are in the slab's table. */
export interface SlabResult {
  /** The task's own, or a larger one. */
  readonly output: SharedArrayBuffer;
  readonly blocks: readonly { table: string; offset: number; bytes: number; rows: number }[];
  /** Rejected events by reason, of all requests. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Of a source whose requests bring one event each: what became of each request. Else empty, and the slab's table tells. */
  readonly singles: readonly SingleOutcome[];
  /** Requests whose compressed body unfolds to more than is read at once: the table has no outcome for them. */
  readonly unfold_too_far: readonly number[];
}

/** What a worker made of a request with one event. */
export type SingleOutcome =
  /** `row` is its row's position in the block at position `block` of `blocks`. */
  | {
      readonly kind: 'event';
      readonly block: number;
      readonly row: number;
      readonly event_id: string;
      readonly claims: readonly Claim[];
      readonly answer: string;
      readonly deviation?: Deviation;
    }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly context: ErrorContext };

/** The table of a slab, as both sides read and write it. */
export class SlabTable {
  private readonly words: Int32Array;
  private readonly times: Float64Array;

  constructor(
    readonly buffer: SharedArrayBuffer,
    readonly requests_max: number,
  ) {
    this.words = new Int32Array(buffer, 0, requests_max * ENTRY_WORDS);
    this.times = new Float64Array(buffer, 0, requests_max * (ENTRY_WORDS / 2));
  }

  /** @param request what is known of it beside its body; `format` as `contract/format.ts` numbers it */
  setRequest(
    index: number,
    offset: number,
    length: number,
    request: { readonly tenant: number; readonly route: number; readonly format: number; readonly received_at_ms: number },
  ): void {
    assert(index < this.requests_max, 'BUG: a slab took more requests than it has entries');
    const at = index * ENTRY_WORDS;
    this.words[at] = offset;
    this.words[at + 1] = length;
    this.words[at + 2] = request.tenant;
    this.words[at + 3] = request.route | (request.format << FORMAT_SHIFT);
    this.times[at / 2 + 2] = request.received_at_ms;
  }

  offset(index: number): number {
    return this.words[index * ENTRY_WORDS];
  }

  length(index: number): number {
    return this.words[index * ENTRY_WORDS + 1];
  }

  tenant(index: number): number {
    return this.words[index * ENTRY_WORDS + 2];
  }

  route(index: number): number {
    return this.words[index * ENTRY_WORDS + 3] & ROUTE_MASK;
  }

  format(index: number): number {
    return this.words[index * ENTRY_WORDS + 3] >>> FORMAT_SHIFT;
  }

  receivedAtMs(index: number): number {
    return this.times[index * (ENTRY_WORDS / 2) + 2];
  }

  setCounts(index: number, accepted: number, rejected: number): void {
    this.words[index * ENTRY_WORDS + 6] = accepted;
    this.words[index * ENTRY_WORDS + 7] = rejected;
  }

  setFailure(index: number, code: ErrorCode): void {
    this.words[index * ENTRY_WORDS + 6] = -1 - ERROR_CODES.indexOf(code);
    this.words[index * ENTRY_WORDS + 7] = 0;
  }

  /** Why the request failed as a whole; undefined when its events were counted. */
  failure(index: number): ErrorCode | undefined {
    const word = this.words[index * ENTRY_WORDS + 6];
    return word < 0 ? ERROR_CODES[-1 - word] : undefined;
  }

  accepted(index: number): number {
    return this.words[index * ENTRY_WORDS + 6];
  }

  rejected(index: number): number {
    return this.words[index * ENTRY_WORDS + 7];
  }
}

/**
 * What a source is: its routes, the shape of its events, its tables, and how one request becomes rows. A source does no I/O
 * and keeps no state between requests; everything it needs of the worker comes in as `DecoderTools`.
 */
import type { Schema } from '../base/schema.ts';
import type { IngestDocumentation } from './documentation.ts';
import type { ErrorCode, ErrorContext } from './errors.ts';
import type { Claim } from './gate.ts';
import type { JsonDocument } from './json_document.ts';
import type { OutlineBook } from './outline.ts';
import type { RowPlan } from './row_plan.ts';
import type { Table, View } from './table.ts';
import type { KeyUse, Tenant } from './tenant.ts';

/** Where a client may put its key, in the order in which they are looked at. `query` is `?key=` in the URL. */
export type Credential = 'x-api-key' | 'bearer' | 'query';

export interface Route {
  readonly path: string;
  readonly key_use: KeyUse;
  readonly credentials: readonly Credential[];
  /** `code`: `{"ok":false,"error","message"}`; `detail`: `{"detail"}`. */
  readonly error_shape: 'code' | 'detail';
  /** The status of a request whose events were counted, or whose event was stored. */
  readonly status: number;
  /** A larger body is refused; only where this is less than `http.body_bytes_max`. */
  readonly body_bytes_max?: number;
  readonly documentation?: IngestDocumentation;
  /** Where the same bodies come as the messages of a WebSocket. */
  readonly stream?: StreamPlace;
}

export interface StreamPlace {
  readonly path: string;
  readonly credentials: readonly Credential[];
}

export type JsonSchema = Schema;

interface SourceCommon {
  readonly name: string;
  readonly routes: readonly Route[];
  readonly tables: readonly Table[];
  readonly views?: readonly View[];
  /** Of one event. */
  readonly schema: JsonSchema;
  /** What its decoder compiles, where that is not `schema` as a whole: the build has it ready for every start. */
  readonly compiled_schemas?: readonly JsonSchema[];
  /** Bodies with what becomes of them, for contract tests, benches and the first-start message. */
  readonly samples: readonly Sample[];
  /** Its senders give up when they are refused: a part of the memory and of the spool is theirs alone. Absent: no. */
  readonly uses_reserve?: boolean;
}

/** Its requests bring many events each, and are answered with counts. */
export interface BatchSource extends SourceCommon {
  readonly kind: 'batch';
  /** The member of a body that is the array of events. */
  readonly batch: string;
  /** What lets the kernel make rows of this source's common events; without one all of them take the slow path. */
  readonly plan?: RowPlan;
  /** The dictionary column that has the type of an event, by which some go first when room is scarce; without one all are equal. */
  readonly priority?: { readonly table: string; readonly column: string };
  createDecoder(tools: DecoderTools): Decoder;
}

/** Its requests bring one event each, and each has an answer and a verdict of its own. */
export interface SingleSource extends SourceCommon {
  readonly kind: 'single';
  createDecoder(tools: SingleTools): SingleDecoder;
}

export type Source = BatchSource | SingleSource;

export interface Sample {
  readonly name: string;
  /** Position of its route among the source's; the first where it is not said. */
  readonly route?: number;
  readonly body: string;
  readonly accepted: number;
  readonly rejected: number;
}

/** What a request ended in. A failed one stores nothing. */
export type DecodeResult =
  | { readonly kind: 'counts'; readonly accepted: number; readonly rejected: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode };

export interface Decoder {
  decode(request: DecoderRequest): DecodeResult;
  /** Adds the row of one element of a batch, or counts why it has none and answers false. */
  take(batch: Batch, index: number, request: DecoderRequest): boolean;
}

/** One request's body: [offset, offset + length) of the slab in hand. */
export interface DecoderRequest {
  readonly offset: number;
  readonly length: number;
  readonly tenant: Tenant;
  readonly received_at_ms: number;
}

/** Why an event was rejected. Bounded, since it labels metrics. */
export const REJECTION_REASONS = [
  'not_an_object',
  'missing_field',
  'empty_field',
  'too_long',
  'wrong_type',
  'unknown_value',
  'event_too_large',
  'invalid',
  'not_json',
  'duplicate',
  'conflict',
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** A rule of a schema that a value broke. */
export interface BrokenRule {
  readonly keyword: string;
  /** JSON pointer to the value; for a missing member, to the object that lacks it. */
  readonly path: string;
  /** The member that is missing; empty when the rule is another. */
  readonly missing: string;
  /** In words: `must be string`, `must be one of open, closed`. Of the value itself it says nothing. */
  readonly message: string;
}

/** The judge of one schema. */
export interface Validator<Event> {
  accepts(value: unknown): value is Event;
  /** The first rule that the last value broke. */
  reason(): RejectionReason;
  /** The same, told in full. */
  brokenRule(): BrokenRule;
}

/** What a worker offers to the decoders of its sources. */
export interface DecoderTools {
  /** A larger event is rejected alone. */
  eventBytesMax(): number;
  /** Compiles a schema with AJV. `Event` is what a value is once the schema has accepted it. */
  compile<Event>(schema: JsonSchema): Validator<Event>;
  /** Parses a body that must be a JSON object with the array `member`. The batch is valid until the next call. */
  parseBatch(request: DecoderRequest, member: string): Batch | ErrorCode;
  /** Whether ClickHouse's JSON type is certain to take this text. */
  fitsJsonColumn(text: string): boolean;
  readonly identity: Identity;
  rows(table: string): RowWriter;
  /** Counts one rejected event. */
  reject(reason: RejectionReason): void;
}

/** The elements of a request's batch, parsed and as they were sent. */
export interface Batch {
  readonly values: readonly unknown[];
  elementBytes(index: number): number;
  /** The text, as sent, of the member `name` of element `index`; the last where there are several. */
  memberText(index: number, name: string): string;
}

/** Names events, so that a re-delivery has the name that it had the first time. */
export interface Identity {
  /** By the bytes of element `index` of the batch in hand and its ordinal among identical ones. Call it once per element. */
  ofElement(index: number): Uint32Array;
  /** By texts that the client chose. */
  ofTexts(texts: readonly string[], tenant: Tenant): Uint32Array;
}

/** One request that brings one event. */
export interface SingleRequest extends DecoderRequest {
  /** Position among the source's routes. */
  readonly route: number;
  /** Empty when the request has none. */
  readonly idempotency_key: string;
}

/** How an event that is stored all the same can differ from what its source knows. Bounded, since it labels metrics. */
export type DeviationKind = RejectionReason | 'unknown_type' | 'bad_time' | 'not_queryable';

/** An event that is stored and is not as its source knows events: its sender may have changed. */
export interface Deviation {
  readonly kind: DeviationKind;
  /** One of the source's types of events, or `unknown`: it labels metrics. */
  readonly type: string;
  /** In words, of bounded length; of what was sent it has names of fields only. */
  readonly reason: string;
}

/** What a request with one event ended in. */
export type SingleResult =
  /** The event is the one row that was written; it is stored if the gate admits it. */
  | {
      readonly kind: 'event';
      readonly event_id: Uint32Array;
      readonly claims: readonly Claim[];
      readonly answer: string;
      readonly deviation?: Deviation;
    }
  /** The event was read and is not taken: it counts as rejected for `reason`. */
  | { readonly kind: 'rejected'; readonly reason: RejectionReason; readonly code: ErrorCode; readonly context: ErrorContext }
  /** There is no event in the body. */
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly context: ErrorContext };

export interface SingleDecoder {
  decode(request: SingleRequest): SingleResult;
}

/** The one object of a request's body, parsed and as it was sent. */
export interface SingleBody {
  readonly value: Readonly<Record<string, unknown>>;
  /** The whole body: its UTF-8 is what was sent, byte for byte. */
  readonly text: string;
  /** The same as bytes, which are lent. */
  readonly bytes: Uint8Array;
  /** The text, as sent, of the member `name`; the last where there are several, empty where there is none. */
  memberText(name: string): string;
  /** The same as bytes, which are lent. */
  memberBytes(name: string): Uint8Array;
}

/** What can be read of a body that is an object and that no parser should see: texts among its members. */
export interface SingleMembers {
  /** As of `SingleBody`. */
  readonly text: string;
  readonly bytes: Uint8Array;
  /** The member `name` if it is a string; the last where there are several. */
  member(name: string): string | undefined;
}

/** What a worker offers to the decoders of sources whose requests bring one event. */
export interface SingleTools {
  /** A larger event is refused. */
  eventBytesMax(): number;
  /** Compiles a schema with AJV. `Event` is what a value is once the schema has accepted it. */
  compile<Event>(schema: JsonSchema): Validator<Event>;
  /** Parses a body that must be one JSON object. The result is valid until the next call. */
  parseObject(request: SingleRequest): SingleBody | ErrorCode;
  /** Reads a body that `parseObject` refused as `nesting_too_deep` or `too_many_keys`, for who must keep it nevertheless. */
  readMembers(request: SingleRequest): SingleMembers | ErrorCode;
  /** A book about bodies that `schema` judges. */
  outlineBook<Lesson>(schema: JsonSchema): OutlineBook<Lesson>;
  /** Whether ClickHouse's JSON type is certain to take this text. */
  fitsJsonColumn(text: string): boolean;
  /** The same for a whole body, which may have many more keys. */
  fitsJsonColumnAsDocument(document: JsonDocument): boolean;
  readonly identity: SingleIdentity;
  /** Of each decoded event exactly one row is written, to one of the source's tables. */
  row(table: string): SingleRowWriter;
}

export interface SingleIdentity {
  /** One that no other event has. */
  fresh(): Uint32Array;
  /** By texts that the client chose: the same again when they come again, for whatever project of the organization. */
  ofOrganization(texts: readonly string[], tenant: Tenant): Uint32Array;
  /** 128 bits of the body's bytes as 32 hexadecimal digits, to tell whether two requests sent the same. */
  bodyDigest(request: SingleRequest): string;
}

/** Fills the columns of one table. Every column is written once between two calls of `end`. */
export interface RowWriter {
  /** For `string`, `json` and `dictionary` columns. */
  text(column: string): TextWriter;
  time(column: string): TimeWriter;
  uuid(column: string): UuidWriter;
  end(received_at_ms: number): void;
}

/** The same for tables that may have `uint8` columns. */
export interface SingleRowWriter extends RowWriter {
  text(column: string): SingleTextWriter;
  number(column: string): NumberWriter;
}

export interface TextWriter {
  append(text: string): void;
}

export interface SingleTextWriter extends TextWriter {
  /** The same for a text that is there as UTF-8; it is copied. */
  appendBytes(utf8: Uint8Array): void;
}

export interface TimeWriter {
  /** A whole number; before the epoch it is negative. */
  append(time_ms: number): void;
}

export interface NumberWriter {
  /** A whole number from 0 to 255. */
  append(value: number): void;
}

export interface UuidWriter {
  /** Four little-endian words: the high half's two, then the low half's. */
  append(words: Uint32Array): void;
}

/**
 * A webhook becomes a row, whatever is in it: its sender counts anything but 200 as a failure and gives up after five. So only what
 * is no event at all is refused; what breaks its schema, or is of a type that nobody knows, is stored with `valid = 0` and why.
 *
 * Identity: the organization, the webhook's id and its bytes. The same again is a duplicate, by whatever key of the organization it came;
 * other bytes under the same id are another event.
 */
import { assert } from '../../base/assert.ts';
import { parseIsoTime } from '../../base/iso_time.ts';
import { isRecord } from '../../base/json.ts';
import type { OutlineBook, OutlineExample, OutlineText } from '../../contract/outline.ts';
import type {
  DeviationKind,
  SingleDecoder,
  SingleRequest,
  SingleResult,
  SingleRowWriter,
  SingleTools,
  Validator,
} from '../../contract/source.ts';
import { type Fields, fieldsOf, NO_FIELDS } from './fields.ts';
import { bounded, describeRule } from './reason.ts';
import { type Envelope, WEBHOOK_SCHEMA, WEBHOOK_TYPES } from './schema.ts';
import { FIELD_COLUMNS, WEBHOOK_EVENTS } from './table.ts';

/** What a document is stored as that the JSON column cannot hold. */
const EMPTY_OBJECT = Buffer.from('{}');
/** Type label of webhooks of a type that is not known. */
const UNKNOWN_TYPE = 'unknown';
/** What DateTime64(3) holds. */
const TIME_MS_MIN = Date.UTC(1900, 0, 1);
const TIME_MS_MAX = Date.UTC(2300, 0, 1) - 1;
/** Of an id in the key of its claim, which has the digest of the whole body too. */
const CLAIM_ID_CHARACTERS_MAX = 128;

/** One thing that is not as it should be. */
interface Flaw {
  readonly kind: DeviationKind;
  readonly reason: string;
}

/** A body that is an event, as far as it could be read. */
interface Webhook extends Envelope {
  /** Undefined when it is absent. */
  readonly created_on: unknown;
  readonly fields: Fields<string>;
  /** The whole body. */
  readonly bytes: Uint8Array;
  /** The member `payload` as it was sent, where it is an object that the JSON column takes. */
  readonly payload: Uint8Array;
  /** In the order in which a person should learn of them. */
  readonly flaws: readonly Flaw[];
}

/** What of a row is not in the webhook as it stands. `reason` is empty when there is no flaw. */
interface Derived {
  readonly event_id: Uint32Array;
  readonly created_on_ms: number;
  readonly reason: string;
}

/** What is true of all webhooks of one outline, which are valid and queryable. */
interface KnownWebhook {
  readonly id: OutlineText;
  readonly type: OutlineText;
  readonly created_on: OutlineText | undefined;
  readonly fields: Fields<OutlineText>;
  /** Place of the payload. */
  readonly payload: number;
}

type Refusal = Extract<SingleResult, { kind: 'failed' }>;

function refuse(code: Refusal['code']): Refusal {
  return { kind: 'failed', code, context: {} };
}

export class WebhookDecoder implements SingleDecoder {
  private readonly validator: Validator<Envelope>;
  private readonly types: ReadonlySet<string> = new Set(WEBHOOK_TYPES);
  private readonly columns: WebhookColumns;
  private readonly known: OutlineBook<KnownWebhook>;

  constructor(private readonly tools: SingleTools) {
    this.validator = tools.compile(WEBHOOK_SCHEMA);
    this.known = tools.outlineBook(WEBHOOK_SCHEMA);
    this.columns = columnsOf(tools.row(WEBHOOK_EVENTS.name));
  }

  decode(request: SingleRequest): SingleResult {
    const known = this.known.find(request);
    const webhook = known === undefined ? this.read(request) : this.recall(known);
    if ('kind' in webhook) return webhook;
    if (known === undefined && webhook.flaws.length === 0) this.known.learn(knownOf);
    return this.store(webhook, request);
  }

  private recall(known: KnownWebhook): Webhook {
    const { known: book } = this;
    const { created_on, fields } = known;
    return {
      id: book.text(known.id),
      type: book.text(known.type),
      created_on: created_on === undefined ? undefined : book.text(created_on),
      fields: fields.map((text) => book.text(text)),
      bytes: book.bodyBytes(),
      payload: book.branchBytes(known.payload),
      flaws: [],
    };
  }

  private read(request: SingleRequest): Webhook | Refusal {
    const body = this.tools.parseObject(request);
    if (body === 'nesting_too_deep' || body === 'too_many_keys') return this.readUnparsed(request, body);
    if (typeof body === 'string') return refuse(body);
    const { value, bytes } = body;
    const { id, type, created_on, payload } = value;
    if (typeof id !== 'string') return refuse('no_webhook_id');
    if (typeof type !== 'string') return refuse('no_webhook_type');
    const flaws = this.judge(value, type);
    const fields = fieldsOf(payload);
    // One that is no object breaks the schema of every type.
    if (!isRecord(payload)) return { id, type, created_on, fields, bytes, payload: EMPTY_OBJECT, flaws };
    const document = { value: payload, text: () => body.memberText('payload'), bytes: body.memberBytes('payload') };
    if (this.tools.fitsJsonColumnAsDocument(document)) return { id, type, created_on, fields, bytes, payload: document.bytes, flaws };
    const flaw = notQueryable('the payload has a key twice, a lone surrogate, or too much');
    return { id, type, created_on, fields, bytes, payload: EMPTY_OBJECT, flaws: [...flaws, flaw] };
  }

  /** What would hurt a parser is kept as it came, with what can be told of it without one. */
  private readUnparsed(request: SingleRequest, problem: 'nesting_too_deep' | 'too_many_keys'): Webhook | Refusal {
    const members = this.tools.readMembers(request);
    if (typeof members === 'string') return refuse(members);
    const [id, type] = [members.member('id'), members.member('type')];
    if (id === undefined) return refuse('no_webhook_id');
    if (type === undefined) return refuse('no_webhook_type');
    const flaw = notQueryable(
      problem === 'nesting_too_deep' ? 'the body nests too deep to be read' : 'the body has too many keys to be read',
    );
    return {
      id,
      type,
      created_on: members.member('created_on'),
      fields: NO_FIELDS,
      bytes: members.bytes,
      payload: EMPTY_OBJECT,
      flaws: [flaw],
    };
  }

  private judge(value: unknown, type: string): readonly Flaw[] {
    if (!this.types.has(type)) return [{ kind: 'unknown_type', reason: 'type is none of the known types of webhooks' }];
    if (this.validator.accepts(value)) return [];
    return [{ kind: this.validator.reason(), reason: describeRule(this.validator.brokenRule()) }];
  }

  private store(webhook: Webhook, request: SingleRequest): SingleResult {
    const { id, type } = webhook;
    const { identity } = this.tools;
    const digest = identity.bodyDigest(request);
    const event_id = identity.ofOrganization([id, digest], request.tenant);
    const created_on = createdOn(webhook.created_on, request.received_at_ms);
    const flaws = created_on.flaws.length === 0 ? webhook.flaws : [...webhook.flaws, ...created_on.flaws];
    const reason = flaws.length === 0 ? '' : bounded(flaws.map((flaw) => flaw.reason).join('; '));
    this.writeRow(webhook, request, { event_id, created_on_ms: created_on.time_ms, reason });
    const key = `${id.slice(0, CLAIM_ID_CHARACTERS_MAX).toWellFormed()} ${digest}`;
    const quoted_id = JSON.stringify(id);
    const claims = [{ of: 'delivery', key, repeat_answer: `{"id":${quoted_id},"status":"duplicate"}` }] as const;
    const result = { kind: 'event', event_id, claims, answer: `{"id":${quoted_id},"status":"accepted"}` } as const;
    if (flaws.length === 0) return result;
    return { ...result, deviation: { kind: flaws[0].kind, type: this.types.has(type) ? type : UNKNOWN_TYPE, reason } };
  }

  private writeRow(webhook: Webhook, { tenant, received_at_ms }: SingleRequest, derived: Derived): void {
    const { columns } = this;
    columns.organization_id.append(tenant.organization_id);
    columns.project_id.append(tenant.project_id);
    columns.environment.append(tenant.environment);
    columns.event_id.append(derived.event_id);
    columns.id.append(webhook.id);
    columns.type.append(webhook.type);
    columns.created_on.append(derived.created_on_ms);
    columns.received_at.append(received_at_ms);
    for (let index = 0; index < columns.fields.length; index++) columns.fields[index].append(webhook.fields[index]);
    columns.payload.appendBytes(webhook.payload);
    columns.body_raw.appendBytes(webhook.bytes);
    columns.valid.append(derived.reason === '' ? 1 : 0);
    columns.reason.append(derived.reason);
    columns.row.end(received_at_ms);
  }
}

/** Of one that is valid: all that it is has the type that the schema says. */
function knownOf({ value, textOf, branchOf }: OutlineExample): KnownWebhook {
  const { id, type, created_on, payload } = value;
  const branch = branchOf('payload');
  assert(
    typeof id === 'string' && typeof type === 'string' && branch !== undefined,
    'BUG: a webhook without id, type or payload was valid',
  );
  return {
    id: textOf(id),
    type: textOf(type),
    created_on: typeof created_on === 'string' ? textOf(created_on) : undefined,
    fields: fieldsOf(payload).map(textOf),
    payload: branch,
  };
}

type WebhookColumns = ReturnType<typeof columnsOf>;

/** The writers of the table's columns, looked up once. */
function columnsOf(row: SingleRowWriter) {
  return {
    row,
    organization_id: row.text('organization_id'),
    project_id: row.text('project_id'),
    environment: row.text('environment'),
    event_id: row.uuid('event_id'),
    id: row.text('id'),
    type: row.text('type'),
    created_on: row.time('created_on'),
    received_at: row.time('received_at'),
    fields: FIELD_COLUMNS.map((name) => row.text(name)),
    payload: row.text('payload'),
    body_raw: row.text('body_raw'),
    valid: row.number('valid'),
    reason: row.text('reason'),
  };
}

function notQueryable(why: string): Flaw {
  return { kind: 'not_queryable', reason: `${why} for the column payload, which is empty` };
}

/** The time that a webhook says, or that of its receipt where it says none or one that cannot be kept. */
function createdOn(created_on: unknown, received_at_ms: number): { readonly time_ms: number; readonly flaws: readonly Flaw[] } {
  if (typeof created_on !== 'string') return { time_ms: received_at_ms, flaws: [] };
  const time_ms = parseIsoTime(created_on);
  if (time_ms === undefined) return { time_ms: received_at_ms, flaws: [{ kind: 'bad_time', reason: 'created_on is no ISO time' }] };
  if (time_ms >= TIME_MS_MIN && time_ms <= TIME_MS_MAX) return { time_ms, flaws: [] };
  return { time_ms: received_at_ms, flaws: [{ kind: 'bad_time', reason: 'created_on is not between the years 1900 and 2299' }] };
}

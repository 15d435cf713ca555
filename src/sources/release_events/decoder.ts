/**
 * An event becomes a row, an answer and what it claims: its version's commit, and its Idempotency-Key where it has one. What is wrong
 * with a body is told by the name of the first field that is wrong.
 */
import { assert } from '../../base/assert.ts';
import { uuidText } from '../../base/uuid.ts';
import type { ErrorCode, ErrorContext } from '../../contract/errors.ts';
import type { Claim } from '../../contract/gate.ts';
import type {
  RejectionReason,
  SingleBody,
  SingleDecoder,
  SingleRequest,
  SingleResult,
  SingleTools,
  Validator,
} from '../../contract/source.ts';
import { type EventKind, METADATA_FIELD } from './kinds.ts';
import { EventRows, type StoredEvent } from './rows.ts';
import { eventSchema, type ReleaseEvent } from './schema.ts';

/** What the draft of the header's standard allows in a key, and as much as anybody needs: a longer one is not a name but a mistake. */
const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

interface Desk {
  readonly kind: EventKind;
  readonly validator: Validator<ReleaseEvent>;
  readonly rows: EventRows;
}

export class ReleaseEventDecoder implements SingleDecoder {
  private readonly desks: readonly Desk[];

  /** @param kinds of each of the source's routes */
  constructor(
    private readonly tools: SingleTools,
    kinds: readonly EventKind[],
  ) {
    const desks = new Map([...new Set(kinds)].map((kind) => [kind, openDesk(kind, tools)]));
    this.desks = kinds.map((kind) => {
      const desk = desks.get(kind);
      assert(desk !== undefined, 'BUG: a kind has no desk');
      return desk;
    });
  }

  decode(request: SingleRequest): SingleResult {
    const desk = this.desks[request.route];
    if (request.idempotency_key !== '' && !IDEMPOTENCY_KEY.test(request.idempotency_key)) return failed('idempotency_key_invalid');
    const body = this.tools.parseObject(request);
    if (typeof body === 'string') return failed(body);
    const { value } = body;
    if (!desk.validator.accepts(value)) return brokenField(value, desk);
    const metadata = value.extra_metadata === undefined || value.extra_metadata === null ? '' : body.memberText(METADATA_FIELD);
    const bytes_max = this.tools.eventBytesMax();
    if (request.length > bytes_max) return tooLarge(body, metadata, bytes_max);
    return this.store(desk, request, value, metadata);
  }

  private store({ kind, rows }: Desk, request: SingleRequest, event: ReleaseEvent, metadata: string): SingleResult {
    const status = kind.statuses.get(event.status);
    assert(status !== undefined, 'BUG: the schema accepted a status that has no meaning');
    const event_id = this.tools.identity.fresh();
    const stored: StoredEvent = { event, status, request, event_id, metadata };
    rows.write(stored);
    const answer = rows.answer(uuidText(event_id), stored);
    return { kind: 'event', event_id, claims: this.claims(kind, request, event), answer };
  }

  private claims(kind: EventKind, request: SingleRequest, event: ReleaseEvent): Claim[] {
    const { product_name, version, scm_sha } = event;
    const claims: Claim[] = [{ of: 'version', product_name, version, scm_sha: scm_sha ?? '' }];
    if (request.idempotency_key === '') return claims;
    const digest = `${kind.name}:${this.tools.identity.bodyDigest(request)}`;
    return [...claims, { of: 'idempotency_key', key: request.idempotency_key, digest }];
  }
}

function openDesk(kind: EventKind, tools: SingleTools): Desk {
  return { kind, validator: tools.compile<ReleaseEvent>(eventSchema(kind)), rows: new EventRows(kind, tools) };
}

/** The first field that breaks the schema, in the words that clients know. A required one that is null or empty is as good as missing. */
function brokenField(value: Readonly<Record<string, unknown>>, { kind, validator }: Desk): SingleResult {
  const { path, missing, keyword } = validator.brokenRule();
  const field = missing === '' ? path.slice(1) : missing;
  const is_required = kind.required.some((name) => name === field);
  const sent = value[field];
  if (is_required && (sent === undefined || sent === null || sent === '')) {
    return rejected(sent === '' ? 'empty_field' : 'missing_field', 'field_required', { field });
  }
  if (keyword === 'enum' && typeof sent === 'string') {
    return rejected('unknown_value', 'field_unknown_value', { field, allowed: [...kind.statuses.keys()].join(', ') });
  }
  return rejected('wrong_type', field === METADATA_FIELD ? 'field_not_object' : 'field_not_text', { field });
}

/** Names the field that is too large by itself; a body that is only too large altogether has none. */
function tooLarge({ value }: SingleBody, metadata: string, bytes_max: number): SingleResult {
  const texts = Object.entries({ ...value, [METADATA_FIELD]: metadata });
  const [field] = texts.find(([, text]) => typeof text === 'string' && Buffer.byteLength(text) > bytes_max) ?? [];
  if (field === undefined) return rejected('event_too_large', 'event_too_large', { bytes_max });
  return rejected('event_too_large', 'field_too_large', { field, bytes_max });
}

function failed(code: ErrorCode): SingleResult {
  return { kind: 'failed', code, context: {} };
}

function rejected(reason: RejectionReason, code: ErrorCode, context: ErrorContext): SingleResult {
  return { kind: 'rejected', reason, code, context };
}

/**
 * A report becomes rows: each element of `events` is judged alone, and one that breaks the schema is dropped and counted.
 *
 * Identity: `event_id` where the client sends one, scoped to the device and the type; else the element's bytes.
 */
import type {
  Batch,
  DecodeResult,
  Decoder,
  DecoderRequest,
  DecoderTools,
  Identity,
  RowWriter,
  TextWriter,
  Validator,
} from '../../contract/source.ts';
import { EVENT_SCHEMA, type LifecycleEvent, OPTIONAL_FIELDS } from './schema.ts';
import { DEPLOY_EVENTS } from './table.ts';

/** What an absent metadata is stored as. */
const EMPTY_OBJECT = '{}';

export class ReportDecoder implements Decoder {
  private readonly validator: Validator<LifecycleEvent>;
  private readonly rows: RowWriter;
  private readonly tenant_columns: readonly [TextWriter, TextWriter, TextWriter];
  private readonly required_columns: readonly [TextWriter, TextWriter, TextWriter];
  private readonly optional_columns: readonly { readonly field: (typeof OPTIONAL_FIELDS)[number]; readonly column: TextWriter }[];
  private readonly event_id: ReturnType<RowWriter['uuid']>;
  private readonly timestamp: ReturnType<RowWriter['time']>;
  private readonly metadata: TextWriter;
  private readonly metadata_raw: TextWriter;

  constructor(private readonly tools: DecoderTools) {
    this.validator = tools.compile(EVENT_SCHEMA);
    const rows = tools.rows(DEPLOY_EVENTS.name);
    this.rows = rows;
    this.tenant_columns = [rows.text('organization_id'), rows.text('project_id'), rows.text('environment')];
    this.required_columns = [rows.text('event_type'), rows.text('release_id'), rows.text('distinct_id')];
    this.optional_columns = OPTIONAL_FIELDS.map((field) => ({ field, column: rows.text(field) }));
    this.event_id = rows.uuid('event_id');
    this.timestamp = rows.time('timestamp');
    this.metadata = rows.text('metadata');
    this.metadata_raw = rows.text('metadata_raw');
  }

  decode(request: DecoderRequest): DecodeResult {
    const batch = this.tools.parseBatch(request, 'events');
    if (typeof batch === 'string') return { kind: 'failed', code: batch };
    let accepted = 0;
    for (let index = 0; index < batch.values.length; index++) {
      if (this.take(batch, index, request)) accepted++;
    }
    return { kind: 'counts', accepted, rejected: batch.values.length - accepted };
  }

  take(batch: Batch, index: number, request: DecoderRequest): boolean {
    const value = batch.values[index];
    const is_too_large = batch.elementBytes(index) > this.tools.eventBytesMax();
    if (is_too_large || !this.validator.accepts(value)) {
      this.tools.reject(is_too_large ? 'event_too_large' : this.validator.reason());
      return false;
    }
    this.addRow(value, batch, index, request);
    return true;
  }

  private addRow(event: LifecycleEvent, batch: Batch, index: number, request: DecoderRequest): void {
    const { tenant, received_at_ms } = request;
    this.tenant_columns[0].append(tenant.organization_id);
    this.tenant_columns[1].append(tenant.project_id);
    this.tenant_columns[2].append(tenant.environment);
    this.required_columns[0].append(event.event_type);
    this.required_columns[1].append(event.release_id);
    this.required_columns[2].append(event.distinct_id);
    for (const { field, column } of this.optional_columns) column.append(event[field] ?? '');
    this.event_id.append(identify(event, index, request, this.tools.identity));
    this.timestamp.append(received_at_ms);
    this.addMetadata(event.metadata, batch, index);
    this.rows.end(received_at_ms);
  }

  /** What the JSON column cannot take is kept beside it as it came. */
  private addMetadata(metadata: unknown, batch: Batch, index: number): void {
    if (metadata === undefined || metadata === null) {
      this.metadata.append(EMPTY_OBJECT);
      this.metadata_raw.append('');
      return;
    }
    const text = typeof metadata === 'string' ? metadata : batch.memberText(index, 'metadata');
    const fits = this.tools.fitsJsonColumn(text);
    this.metadata.append(fits ? text : EMPTY_OBJECT);
    this.metadata_raw.append(fits ? '' : text);
  }
}

function identify(event: LifecycleEvent, index: number, request: DecoderRequest, identity: Identity): Uint32Array {
  const { event_id } = event;
  if (typeof event_id !== 'string' || event_id === '') return identity.ofElement(index);
  return identity.ofTexts([event.distinct_id, event.event_type, event_id], request.tenant);
}

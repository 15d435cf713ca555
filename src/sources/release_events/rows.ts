/** Writes the row of an accepted event of one kind, and the answer that its client gets. */
import type { RowWriter, SingleRequest, SingleTools, TextWriter, TimeWriter, UuidWriter } from '../../contract/source.ts';
import { type EventKind, METADATA_FIELD, type Status, type TextField } from './kinds.ts';
import type { ReleaseEvent } from './schema.ts';

/** What an absent metadata is stored as. */
const EMPTY_OBJECT = '{}';
const SECONDS_CHARACTERS = 'YYYY-MM-DDTHH:MM:SS'.length;

/** An accepted event, with what the server adds to it. */
export interface StoredEvent {
  readonly event: ReleaseEvent;
  readonly status: Status;
  readonly request: SingleRequest;
  readonly event_id: Uint32Array;
  /** The metadata's text as sent; empty when there is none. */
  readonly metadata: string;
}

interface FieldColumn {
  readonly field: TextField;
  readonly column: TextWriter;
}

export class EventRows {
  private readonly row: RowWriter;
  private readonly tenant_columns: readonly [TextWriter, TextWriter, TextWriter];
  private readonly id_columns: readonly [UuidWriter, UuidWriter];
  private readonly time: TimeWriter;
  private readonly event_type: TextWriter;
  private readonly status: TextWriter;
  private readonly status_raw: TextWriter;
  private readonly field_columns: readonly FieldColumn[];
  private readonly metadata: TextWriter;
  private readonly metadata_raw: TextWriter;

  constructor(
    private readonly kind: EventKind,
    private readonly tools: Pick<SingleTools, 'row' | 'fitsJsonColumn'>,
  ) {
    const row = tools.row(kind.table);
    const fields = [...kind.required, ...kind.optional].filter((field) => field !== 'status');
    this.row = row;
    this.tenant_columns = [row.text('organization_id'), row.text('project_id'), row.text('environment')];
    this.id_columns = [row.uuid('event_id'), row.uuid('id')];
    this.time = row.time(kind.time_field);
    this.event_type = row.text('event_type');
    this.status = row.text('status');
    this.status_raw = row.text('status_raw');
    this.field_columns = fields.map((field) => ({ field, column: row.text(field) }));
    this.metadata = row.text(METADATA_FIELD);
    this.metadata_raw = row.text(`${METADATA_FIELD}_raw`);
  }

  write({ event, status, request, event_id, metadata }: StoredEvent): void {
    const { tenant, received_at_ms } = request;
    this.tenant_columns[0].append(tenant.organization_id);
    this.tenant_columns[1].append(tenant.project_id);
    this.tenant_columns[2].append(tenant.environment);
    for (const column of this.id_columns) column.append(event_id);
    this.time.append(received_at_ms);
    this.event_type.append(`${this.kind.name}.${status}`);
    this.status.append(status);
    this.status_raw.append(event.status);
    for (const { field, column } of this.field_columns) column.append(event[field] ?? '');
    const fits = metadata === '' || this.tools.fitsJsonColumn(metadata);
    this.metadata.append(fits && metadata !== '' ? metadata : EMPTY_OBJECT);
    this.metadata_raw.append(fits ? '' : metadata);
    this.row.end(received_at_ms);
  }

  /** The stored entity as JSON: what clients look for first, then what else they sent; what is absent is left out. */
  answer(id: string, { event, status, request, metadata }: StoredEvent): string {
    const { kind } = this;
    const entity: Record<string, string> = { id };
    for (const field of kind.required) entity[field] = field === 'status' ? status : (event[field] ?? '');
    entity[kind.time_field] = `${new Date(request.received_at_ms).toISOString().slice(0, SECONDS_CHARACTERS)}Z`;
    for (const field of kind.optional) {
      const text = event[field] ?? '';
      if (text !== '') entity[field] = text;
    }
    const json = JSON.stringify(entity);
    // The text as sent, not its value: a number may have more digits than a value of ours can hold.
    return metadata === '' ? json : `${json.slice(0, -1)},"${METADATA_FIELD}":${metadata}}`;
  }
}

/** A small source whose requests bring one event each, for tests of what all such sources share. */
import type { SingleSource } from '../../src/contract/source.ts';
import type { Table } from '../../src/contract/table.ts';

const NOTES: Table = {
  name: 'notes',
  columns: [
    { name: 'organization_id', kind: 'dictionary' },
    { name: 'event_id', kind: 'uuid' },
    { name: 'received_at', kind: 'datetime64' },
    { name: 'text', kind: 'string' },
    { name: 'body', kind: 'json' },
  ],
  migrations: [],
};

/** Takes `{"text": string, …}`; the claim of a note is its idempotency key. */
export const NOTES_SOURCE: SingleSource = {
  kind: 'single',
  name: 'notes',
  routes: [{ path: '/notes', key_use: 'events', credentials: ['bearer'], error_shape: 'detail', status: 200 }],
  tables: [NOTES],
  schema: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } },
  samples: [],
  createDecoder: (tools) => {
    const validator = tools.compile<{ text: string }>(NOTES_SOURCE.schema);
    const row = tools.row('notes');
    return {
      decode: (request) => {
        const body = tools.parseObject(request);
        if (typeof body === 'string') return { kind: 'failed', code: body, context: {} };
        if (!validator.accepts(body.value))
          return {
            kind: 'rejected',
            reason: validator.reason(),
            code: 'not_an_object',
            context: { field: validator.brokenRule().missing },
          };
        const event_id = tools.identity.fresh();
        row.text('organization_id').append(request.tenant.organization_id);
        row.uuid('event_id').append(event_id);
        row.time('received_at').append(request.received_at_ms);
        row.text('text').append(body.value.text);
        row.text('body').append(tools.fitsJsonColumn(body.text) ? body.text : '{}');
        row.end(request.received_at_ms);
        const digest = `${request.route}:${tools.identity.bodyDigest(request)}`;
        return {
          kind: 'event',
          event_id,
          claims: [{ of: 'idempotency_key', key: request.idempotency_key, digest }],
          answer: `"${body.value.text}"`,
        };
      },
    };
  },
};

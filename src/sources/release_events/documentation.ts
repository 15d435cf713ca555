/** What `/openapi.json` says of deployment and build events beside their schemas. */
import type { IngestDocumentation } from '../../contract/documentation.ts';
import { type EventKind, METADATA_FIELD } from './kinds.ts';
import { eventSchema } from './schema.ts';

const TEXT = { type: 'string' };

export function documentationOf(kind: EventKind): IngestDocumentation {
  const texts = [...kind.required, ...kind.optional].map((field) => [field, TEXT]);
  return {
    summary: `Record a ${kind.name}`,
    description: [
      'The product, the version and the environment come into being with the first event that names them. What is empty or null is absent;',
      "unknown fields are ignored. The first commit that an event names is the version's; another one later is 409.",
    ].join(' '),
    event: eventSchema(kind),
    answer: {
      type: 'object',
      required: ['id', ...kind.required, kind.time_field],
      properties: {
        id: { type: 'string', format: 'uuid' },
        ...Object.fromEntries(texts),
        status: { enum: [...new Set(kind.statuses.values())] },
        [kind.time_field]: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z$' },
        [METADATA_FIELD]: { type: 'object' },
      },
      additionalProperties: false,
    },
    errors: [
      'field_required',
      'field_not_text',
      'field_not_object',
      'field_unknown_value',
      'field_too_large',
      'event_too_large',
      'idempotency_key_invalid',
      'version_conflict',
      'idempotency_conflict',
    ],
  };
}

/** What `/openapi.json` says of the crash reporter's webhooks beside their schema. */
import type { IngestDocumentation } from '../../contract/documentation.ts';

export const DOCUMENTATION: IngestDocumentation = {
  summary: 'Take a webhook of the crash reporter',
  description: [
    'Any object with a text `id` and a text `type` is accepted and kept as it came. One that is not as its type demands, or of a type that',
    'nobody knows, is kept and marked as invalid. The same `id` with the same bytes is answered as a duplicate once the first is on disk.',
  ].join(' '),
  answer: {
    type: 'object',
    required: ['id', 'status'],
    properties: { id: { type: 'string' }, status: { enum: ['accepted', 'duplicate'] } },
    additionalProperties: false,
  },
  errors: ['no_webhook_id', 'no_webhook_type'],
};

/** What `/openapi.json` says of deploy reports beside their schema. */
import type { IngestDocumentation } from '../../contract/documentation.ts';
import { EVENT_PROPERTIES, EVENT_SCHEMA } from './schema.ts';

export const DOCUMENTATION: IngestDocumentation = {
  summary: 'Report what devices did with a release',
  description: [
    'Events that break the schema are rejected one by one; the answer counts them, also when all were. Unknown fields are ignored.',
    'An event sent again counts once in the statistics, in whatever batch: it is known by its `event_id`, or without one by its bytes.',
  ].join(' '),
  event: {
    ...EVENT_SCHEMA,
    properties: {
      ...EVENT_PROPERTIES,
      event_id: { description: 'A non-empty string names the event; anything else is ignored.' },
      metadata: { description: 'A JSON object, or a string that holds one. What is neither is kept as it came and rejects nothing.' },
    },
  },
};

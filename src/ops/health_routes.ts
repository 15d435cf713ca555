/** What `/openapi.json` says of the health of a daemon. Answered by `health.ts`; who mounts the paths is the front end. */
import type { OpenRoute } from '../contract/documentation.ts';

const FLAG = { type: 'boolean' };
const BYTES = { type: ['integer', 'null'], minimum: 0 };
const WORDS = { type: ['string', 'null'] };

export const HEALTH_ROUTES: readonly OpenRoute[] = [
  {
    path: '/livez',
    documentation: {
      summary: 'Ask whether the process answers',
      answer: { type: 'object', required: ['live'], properties: { live: { const: true } } },
    },
    statuses: { 200: 'It answers.' },
  },
  {
    path: '/readyz',
    documentation: {
      summary: 'Ask whether events can be acknowledged',
      description: 'ClickHouse may be away meanwhile: the spool takes the events, and the body says so.',
      answer: {
        type: 'object',
        required: ['ready', 'reasons', 'clickhouse', 'spool', 'registry', 'delivery', 'refused'],
        properties: {
          ready: FLAG,
          reasons: { type: 'array', items: { type: 'string' }, description: 'What speaks against it; empty when ready.' },
          clickhouse: {
            type: 'object',
            required: ['state', 'embedded', 'last_error'],
            properties: {
              state: { enum: ['starting', 'up', 'down'] },
              embedded: FLAG,
              last_error: WORDS,
              disk_free_bytes: BYTES,
              disk_free_bytes_min: BYTES,
              problem: WORDS,
            },
          },
          spool: { type: 'object', required: ['bytes', 'bytes_max'], properties: { bytes: BYTES, bytes_max: BYTES } },
          registry: { type: 'object', required: ['embedded', 'problem'], properties: { embedded: FLAG, problem: WORDS } },
          delivery: {
            type: 'object',
            required: ['lag_seconds', 'backlog_segments', 'problem'],
            properties: { lag_seconds: { type: 'number', minimum: 0 }, backlog_segments: BYTES, problem: WORDS },
          },
          refused: { type: 'object', required: ['dead_letters', 'parked_segments'] },
        },
      },
    },
    statuses: { 200: 'Events are acknowledged.', 503: 'Events are refused, for the reasons given.' },
  },
];

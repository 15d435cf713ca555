/** What `/openapi.json` says of release statistics: parameters, and the shape of the answers. */
import type { ParameterDocumentation, ReadDocumentation } from '../contract/documentation.ts';
import type { JsonSchema } from '../contract/source.ts';
import { INTERVALS } from './release_series.ts';

const COUNT: JsonSchema = { type: 'integer', minimum: 0 };
const RATE: JsonSchema = { type: ['number', 'null'], minimum: 0, maximum: 1 };
const TIME: JsonSchema = { type: ['string', 'null'], format: 'date-time' };
const COUNTS = { downloads: COUNT, installs: COUNT, rollbacks: COUNT, crashes: COUNT };
const FIGURES = { ...COUNTS, unique_devices: COUNT, crash_rate: RATE, rollback_rate: RATE };

function shape(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', required: Object.keys(properties), properties, additionalProperties: false };
}

function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

const LISTED = {
  release_id: { type: 'string' },
  bundle_label: { type: ['string', 'null'], description: 'The latest seen.' },
  first_seen: TIME,
  last_seen: TIME,
  stats: shape(FIGURES),
};
const BY_VALUE = listOf(shape({ value: { type: 'string', description: 'Empty where devices did not say.' }, ...FIGURES }));
const QUANTILE: JsonSchema = { type: 'number' };
const PERCENTILES: JsonSchema = { anyOf: [shape({ p50: QUANTILE, p95: QUANTILE, p99: QUANTILE }), { type: 'null' }] };

const SCOPE: Readonly<Record<string, ParameterDocumentation>> = {
  from: {
    description: 'Events from this date or time on, ISO 8601; UTC without a zone.',
    schema: { type: 'string' },
    example: '2026-11-21T10:00:00Z',
  },
  to: { description: 'Events before this date or time.', schema: { type: 'string' }, example: '2026-11-22' },
  platform: { description: 'Events of this platform.', schema: { type: 'string', minLength: 1, maxLength: 256 }, example: 'ios' },
};

export const LIST_DOCUMENTATION: ReadDocumentation = {
  summary: 'List releases with their figures, the latest activity first',
  description: 'Of the project and environment of the key. Counts are of distinct events, within 2 % here and exact of one release.',
  parameters: {
    ...SCOPE,
    limit: { description: 'How many.', schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, example: 10 },
    after: { description: 'The last `release_id` of the page before.', schema: { type: 'string' }, example: 'rel_xyz789' },
  },
  answer: shape({ releases: listOf(shape(LISTED)) }),
};

export const RELEASE_DOCUMENTATION: ReadDocumentation = {
  summary: 'Describe one release',
  description: 'Exact. A release without events has zeros.',
  parameters: {
    ...SCOPE,
    id: { description: 'The `release_id`.', schema: { type: 'string', maxLength: 256 }, example: 'rel_xyz789' },
    interval: { description: 'Of the series.', schema: { type: 'string', enum: INTERVALS, default: 'day' }, example: 'hour' },
  },
  answer: shape({
    ...LISTED,
    by_platform: BY_VALUE,
    by_app_version: BY_VALUE,
    by_os_version: BY_VALUE,
    by_device_model: BY_VALUE,
    rollback_reasons: listOf(shape({ reason: { type: 'string' }, count: COUNT })),
    first_render_ms: PERCENTILES,
    download_ms: PERCENTILES,
    series: listOf(shape({ time: { type: 'string', format: 'date-time' }, ...COUNTS })),
  }),
};

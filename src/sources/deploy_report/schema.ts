/** One lifecycle event as a phone's SDK reports it. Unknown fields are ignored; `metadata` and `event_id` may be anything. */
import type { JsonSchema } from '../../contract/source.ts';

const REQUIRED_TEXT = { type: 'string', minLength: 1, maxLength: 256 };
const OPTIONAL_TEXT = { type: ['string', 'null'] };

/** Optional texts of an event, each with a column of the same name. */
export const OPTIONAL_FIELDS = ['app_version', 'bundle_label', 'platform', 'os_version', 'device_model'] as const;

/** The fields that a schema can say something of. */
export const EVENT_PROPERTIES = {
  event_type: { type: 'string', enum: ['download_complete', 'apply_success', 'rollback', 'crash_on_update'] },
  release_id: REQUIRED_TEXT,
  distinct_id: REQUIRED_TEXT,
  app_version: OPTIONAL_TEXT,
  bundle_label: OPTIONAL_TEXT,
  platform: OPTIONAL_TEXT,
  os_version: OPTIONAL_TEXT,
  device_model: OPTIONAL_TEXT,
};

export const EVENT_SCHEMA: JsonSchema = {
  type: 'object',
  required: ['event_type', 'release_id', 'distinct_id'],
  properties: EVENT_PROPERTIES,
};

/** What an event is known to be once the schema has accepted it. */
export interface LifecycleEvent {
  readonly event_type: string;
  readonly release_id: string;
  readonly distinct_id: string;
  readonly app_version?: string | null;
  readonly bundle_label?: string | null;
  readonly platform?: string | null;
  readonly os_version?: string | null;
  readonly device_model?: string | null;
  readonly metadata?: unknown;
  readonly event_id?: unknown;
}

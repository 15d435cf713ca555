/** The schema of each kind of event. Unknown fields are ignored; what an optional field is empty or null in, it is absent in. */
import type { JsonSchema } from '../../contract/source.ts';
import { BUILD, DEPLOYMENT, type EventKind, METADATA_FIELD, type TextField } from './kinds.ts';

/** What an event is known to be once the schema has accepted it. */
export type ReleaseEvent = { readonly [Field in TextField]?: string | null } & {
  readonly product_name: string;
  readonly version: string;
  readonly status: string;
  readonly extra_metadata?: object | null;
};

const REQUIRED_TEXT = { type: 'string', minLength: 1 };
const OPTIONAL_TEXT = { type: ['string', 'null'] };

export function eventSchema(kind: EventKind): JsonSchema {
  const texts = [...kind.required.map((field) => [field, REQUIRED_TEXT]), ...kind.optional.map((field) => [field, OPTIONAL_TEXT])];
  return {
    type: 'object',
    required: kind.required,
    properties: {
      ...Object.fromEntries(texts),
      status: { ...REQUIRED_TEXT, enum: [...kind.statuses.keys()] },
      [METADATA_FIELD]: { type: ['object', 'null'] },
    },
  };
}

/** One for each kind. */
export const EVENT_SCHEMAS: readonly JsonSchema[] = [DEPLOYMENT, BUILD].map(eventSchema);

export const RELEASE_EVENT_SCHEMA: JsonSchema = { anyOf: EVENT_SCHEMAS };

/**
 * The 18 types of webhooks, each with its schema. Their union is discriminated by `type`, so that a webhook is held against one
 * branch and not against eighteen.
 */
import type { JsonSchema } from '../../contract/source.ts';
import {
  APP_REFERENCE,
  actOf,
  appAfter,
  CHANGES,
  COMMENT,
  CREATED_BUILD,
  DEFINITIONS,
  DELETED_BUILD,
  ISSUE_REFERENCE,
  issueAfter,
  MESSAGE,
  PERSON,
  shape,
  THREAD,
  userAfter,
} from './shapes.ts';

function payload(required: Readonly<Record<string, JsonSchema>>, optional: Readonly<Record<string, JsonSchema>> = {}): JsonSchema {
  return shape({ ...required, ...optional }, Object.keys(required));
}

function issuePayload(issue: JsonSchema): JsonSchema {
  return payload({ app: APP_REFERENCE, issue });
}

const FEEDBACK = payload({ app: APP_REFERENCE, thread: THREAD, message: MESSAGE });

/** The payload of each type. */
const PAYLOADS = {
  'app.created': payload({ app: appAfter(actOf('created')) }),
  'app.updated': payload({ app: appAfter(actOf('updated')), changes: CHANGES }),
  'app.deleted': payload({ app: appAfter(actOf('deleted')) }),
  'issue.created': issuePayload(issueAfter(actOf('created'))),
  'issue.updated': payload({ app: APP_REFERENCE, issue: issueAfter(actOf('updated')), changes: CHANGES }),
  'issue.closed': issuePayload(issueAfter(actOf('closed'))),
  'issue.reopened': issuePayload(issueAfter({ ...actOf('closed'), ...actOf('reopened') })),
  'issue.regressed': issuePayload(issueAfter({ ...actOf('created'), ...actOf('closed'), regressed_on: { type: 'string' } })),
  'issue.deleted': issuePayload(issueAfter(actOf('deleted'))),
  'issue.comment': payload({ app: APP_REFERENCE, issue: ISSUE_REFERENCE, comment: COMMENT }),
  'user.created': payload({ user: userAfter(actOf('created')) }),
  'user.updated': payload({ user: userAfter(actOf('created')), changes: CHANGES }),
  'user.deleted': payload({ user: userAfter(actOf('deleted')) }),
  'unsymbolicated.created': issuePayload(issueAfter(actOf('created'))),
  'feedback.message.in': FEEDBACK,
  'feedback.message.out': FEEDBACK,
  'build.created': payload({ app: APP_REFERENCE, build: CREATED_BUILD }),
  'build.deleted': payload({ app: APP_REFERENCE, build: DELETED_BUILD }, { deleted_by: PERSON }),
};

export const WEBHOOK_TYPES: readonly string[] = Object.keys(PAYLOADS);

/** What is true of every webhook that is taken, valid or not. */
export interface Envelope {
  readonly id: string;
  readonly type: string;
}

/** Of a webhook with a string `id` and a `type` that is one of `WEBHOOK_TYPES`. */
export const WEBHOOK_SCHEMA: JsonSchema = {
  type: 'object',
  $defs: DEFINITIONS,
  discriminator: { propertyName: 'type' },
  oneOf: Object.entries(PAYLOADS).map(([type, payload_schema]) => ({
    required: ['id', 'type', 'payload'],
    properties: { id: { type: 'string' }, type: { const: type }, created_on: { type: 'string' }, payload: payload_schema },
  })),
};

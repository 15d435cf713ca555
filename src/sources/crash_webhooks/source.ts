/** Webhooks of a crash reporter: what it notifies of apps, issues, users, feedback and builds. */
import type { SingleSource } from '../../contract/source.ts';
import { WebhookDecoder } from './decoder.ts';
import { DOCUMENTATION } from './documentation.ts';
import { SAMPLES } from './samples.ts';
import { WEBHOOK_SCHEMA } from './schema.ts';
import { WEBHOOK_EVENTS } from './table.ts';

const MIB = 2 ** 20;

export const CRASH_WEBHOOKS: SingleSource = {
  kind: 'single',
  name: 'crash_webhooks',
  routes: [
    {
      path: '/webhooks/bugsee',
      key_use: 'webhook',
      credentials: ['x-api-key', 'bearer', 'query'],
      error_shape: 'code',
      status: 200,
      body_bytes_max: 16 * MIB,
      documentation: DOCUMENTATION,
    },
  ],
  tables: [WEBHOOK_EVENTS],
  schema: WEBHOOK_SCHEMA,
  samples: SAMPLES,
  uses_reserve: true,
  createDecoder: (tools) => new WebhookDecoder(tools),
};

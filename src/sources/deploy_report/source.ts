/** OTA lifecycle reports: what the React Native SDK posts after it downloaded, applied or rolled back a bundle. */
import type { BatchSource } from '../../contract/source.ts';
import { ReportDecoder } from './decoder.ts';
import { DOCUMENTATION } from './documentation.ts';
import { ROW_PLAN } from './plan.ts';
import { SAMPLES } from './samples.ts';
import { EVENT_SCHEMA } from './schema.ts';
import { DEPLOY_EVENTS } from './table.ts';

export const DEPLOY_REPORT: BatchSource = {
  kind: 'batch',
  batch: ROW_PLAN.batch,
  name: 'deploy_report',
  routes: [
    {
      path: '/api/deploy/report',
      key_use: 'deploy',
      credentials: ['x-api-key'],
      error_shape: 'code',
      status: 202,
      documentation: DOCUMENTATION,
      stream: { path: '/api/deploy/stream', credentials: ['x-api-key', 'query'] },
    },
  ],
  tables: [DEPLOY_EVENTS],
  schema: EVENT_SCHEMA,
  samples: SAMPLES,
  plan: ROW_PLAN,
  priority: { table: DEPLOY_EVENTS.name, column: 'event_type' },
  createDecoder: (tools) => new ReportDecoder(tools),
};

/** What `decoder.ts` does with an event that is as the SDK sends it, as data for the kernel. */
import type { ColumnValue, RowPlan } from '../../contract/row_plan.ts';
import { OPTIONAL_FIELDS } from './schema.ts';
import { DEPLOY_EVENTS } from './table.ts';

const TEXT_FIELDS = ['event_type', 'release_id', 'distinct_id', ...OPTIONAL_FIELDS] as const;

export const ROW_PLAN: RowPlan = {
  table: DEPLOY_EVENTS.name,
  batch: 'events',
  columns: {
    organization_id: { of: 'organization_id' },
    project_id: { of: 'project_id' },
    environment: { of: 'environment' },
    event_id: { of: 'identity', name: 'event_id', scope: ['distinct_id', 'event_type'] },
    timestamp: { of: 'received_at' },
    ...Object.fromEntries(TEXT_FIELDS.map((field): [string, ColumnValue] => [field, { of: 'field', field }])),
    metadata: { of: 'json', field: 'metadata' },
    metadata_raw: { of: 'nothing' },
  },
};

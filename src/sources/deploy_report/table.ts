/** `deploy_events`: one row per accepted lifecycle event; absent texts are empty. */
import type { Column, Table } from '../../contract/table.ts';
import { createTableStatement } from '../../contract/table_ddl.ts';

const COLUMNS: readonly Column[] = [
  { name: 'organization_id', kind: 'dictionary' },
  { name: 'project_id', kind: 'dictionary' },
  { name: 'environment', kind: 'dictionary' },
  { name: 'event_id', kind: 'uuid' },
  { name: 'timestamp', kind: 'datetime64' },
  { name: 'event_type', kind: 'dictionary' },
  { name: 'release_id', kind: 'string' },
  { name: 'distinct_id', kind: 'string' },
  { name: 'app_version', kind: 'dictionary' },
  { name: 'bundle_label', kind: 'dictionary' },
  { name: 'platform', kind: 'dictionary' },
  { name: 'os_version', kind: 'dictionary' },
  { name: 'device_model', kind: 'dictionary' },
  { name: 'metadata', kind: 'json' },
  { name: 'metadata_raw', kind: 'string' },
];

const NAME = 'deploy_events';

export const DEPLOY_EVENTS: Table = {
  name: NAME,
  columns: COLUMNS,
  device_column: 'distinct_id',
  expires_by: 'timestamp',
  migrations: [
    createTableStatement(
      { name: NAME, columns: COLUMNS },
      {
        partition_by: 'timestamp',
        order_by: ['organization_id', 'project_id', 'environment', 'release_id', 'event_type', 'timestamp'],
      },
    ),
  ],
};

/** `webhook_events`: one row per webhook, valid or not; a text that its type does not have, or does not send, is empty. */
import type { Column, Table } from '../../contract/table.ts';
import { createTableStatement } from '../../contract/table_ddl.ts';

/** Texts of the payload that have a column of their own. */
export const FIELD_COLUMNS = [
  'app_key',
  'issue_key',
  'issue_type',
  'issue_state',
  'severity',
  'build_uuid',
  'package_id',
  'app_version',
  'size_analysis_status',
  'user_email',
  'device_id',
] as const;
export type FieldColumn = (typeof FIELD_COLUMNS)[number];

/** Those of which there are few values. */
const DICTIONARIES: ReadonlySet<FieldColumn> = new Set<FieldColumn>([
  'app_key',
  'issue_type',
  'issue_state',
  'severity',
  'package_id',
  'app_version',
  'size_analysis_status',
]);

const COLUMNS: readonly Column[] = [
  { name: 'organization_id', kind: 'dictionary' },
  { name: 'project_id', kind: 'dictionary' },
  { name: 'environment', kind: 'dictionary' },
  { name: 'event_id', kind: 'uuid' },
  { name: 'id', kind: 'string' },
  { name: 'type', kind: 'dictionary' },
  { name: 'created_on', kind: 'datetime64' },
  { name: 'received_at', kind: 'datetime64' },
  ...FIELD_COLUMNS.map((name): Column => ({ name, kind: DICTIONARIES.has(name) ? 'dictionary' : 'string' })),
  { name: 'payload', kind: 'json' },
  { name: 'body_raw', kind: 'string' },
  { name: 'valid', kind: 'uint8' },
  { name: 'reason', kind: 'string' },
];

const NAME = 'webhook_events';

export const WEBHOOK_EVENTS: Table = {
  name: NAME,
  columns: COLUMNS,
  device_column: 'device_id',
  expires_by: 'received_at',
  migrations: [
    createTableStatement(
      { name: NAME, columns: COLUMNS },
      {
        partition_by: 'received_at',
        order_by: ['organization_id', 'project_id', 'environment', 'app_key', 'type', 'received_at'],
      },
    ),
  ],
};

/** `deployment_events` and `build_events`: one row per stored event; absent texts are empty. */
import type { Column, ColumnKind, Table, VersionColumns } from '../../contract/table.ts';
import { createTableStatement } from '../../contract/table_ddl.ts';
import { BUILD, DEPLOYMENT, type EventKind, type TextField } from './kinds.ts';

/** Texts that are nearly always new; of all others a dictionary is worth its while. */
const UNIQUE_FIELDS: readonly TextField[] = ['version', 'scm_sha', 'build_url', 'build_number', 'invoke_id'];

const VERSION_COLUMNS: VersionColumns = ['product_name', 'version', 'scm_sha'];

function textKind(field: TextField): ColumnKind {
  return UNIQUE_FIELDS.includes(field) ? 'string' : 'dictionary';
}

function columnsOf(kind: EventKind): Column[] {
  const texts = [...kind.required, ...kind.optional].map((field): Column => ({ name: field, kind: textKind(field) }));
  return [
    { name: 'organization_id', kind: 'dictionary' },
    { name: 'project_id', kind: 'dictionary' },
    { name: 'environment', kind: 'dictionary' },
    { name: 'event_id', kind: 'uuid' },
    { name: 'id', kind: 'uuid' },
    { name: kind.time_field, kind: 'datetime64' },
    { name: 'event_type', kind: 'dictionary' },
    ...texts,
    { name: 'status_raw', kind: 'dictionary' },
    { name: 'extra_metadata', kind: 'json' },
    { name: 'extra_metadata_raw', kind: 'string' },
  ];
}

function tableOf(kind: EventKind, order_by: readonly string[]): Table {
  const [name, columns] = [kind.table, columnsOf(kind)];
  const migrations = [createTableStatement({ name, columns }, { partition_by: kind.time_field, order_by })];
  return { name, columns, version_columns: VERSION_COLUMNS, migrations };
}

export const DEPLOYMENT_EVENTS: Table = tableOf(DEPLOYMENT, ['organization_id', 'product_name', 'environment_name', 'deployed_at']);
export const BUILD_EVENTS: Table = tableOf(BUILD, ['organization_id', 'product_name', 'created_at']);

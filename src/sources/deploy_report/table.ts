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

/**
 * What the list of releases shows, ready in each part: merged, inserted and dropped with it, so that it can neither lag nor count
 * twice. The states are estimates of 48 KiB at most with a standard error of 0.4 %, and merging them is what a list costs; so
 * platforms have a projection of their own. docs/STATISTICS.md has what they save and cost. Queries name these aggregates word for word.
 */
function addTotals(name: string, keys: string): string {
  return `ALTER TABLE {database}.deploy_events ADD PROJECTION IF NOT EXISTS ${name} (
  SELECT ${keys},
    min(timestamp), max(timestamp),
    argMaxIf(bundle_label, timestamp, bundle_label != ''), maxIf(timestamp, bundle_label != ''),
    uniqCombined64State(16)(event_id), uniqCombined64State(16)(distinct_id)
  GROUP BY ${keys}
)`;
}

const RELEASE_KEYS = 'organization_id, project_id, environment, release_id, event_type';

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
    addTotals('release_totals', RELEASE_KEYS),
    addTotals('release_platform_totals', `${RELEASE_KEYS}, platform`),
    // Or a lightweight DELETE would be refused: it cannot mark rows of a projection.
    "ALTER TABLE {database}.deploy_events MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild'",
    // For the parts that were there before; it goes on in the background.
    'ALTER TABLE {database}.deploy_events MATERIALIZE PROJECTION release_totals',
    'ALTER TABLE {database}.deploy_events MATERIALIZE PROJECTION release_platform_totals',
  ],
};

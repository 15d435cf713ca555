/** `deploy_events`: one row per accepted lifecycle event; absent texts are empty. */
import { sketchOf } from '../../contract/distinct_sketch.ts';
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

/** Before version 12: the same with HyperLogLogs, which took seven times as long to merge. */
function addEarlierTotals(name: string, keys: string): string {
  return addProjection(name, keys, 'uniqCombined64State(16)(event_id), uniqCombined64State(16)(distinct_id)');
}

/**
 * What the list of releases shows, ready in each part: merged, inserted and dropped with it, so that it can neither lag nor count
 * twice. Queries name these aggregates word for word. docs/STATISTICS.md has what they save and cost.
 */
function addTotals(name: string, keys: string): string {
  return addProjection(name, keys, `${sketchOf('event_id')}, ${sketchOf('distinct_id')}`);
}

function addProjection(name: string, keys: string, states: string): string {
  return `ALTER TABLE {database}.deploy_events ADD PROJECTION IF NOT EXISTS ${name} (
  SELECT ${keys},
    min(timestamp), max(timestamp),
    argMaxIf(bundle_label, timestamp, bundle_label != ''), maxIf(timestamp, bundle_label != ''),
    ${states}
  GROUP BY ${keys}
)`;
}

/** One text, since four cost four times as much. A release may hold what separates it from the tenant, since that has no NUL. */
const RELEASE_KEY = "sipHash128(concat(organization_id, '\\0', project_id, '\\0', environment, '\\0', release_id))";
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
    addEarlierTotals('release_totals', RELEASE_KEYS),
    addEarlierTotals('release_platform_totals', `${RELEASE_KEYS}, platform`),
    // Or a lightweight DELETE would be refused: it cannot mark rows of a projection.
    "ALTER TABLE {database}.deploy_events MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild'",
    // For the parts that were there before; it goes on in the background.
    'ALTER TABLE {database}.deploy_events MATERIALIZE PROJECTION release_totals',
    'ALTER TABLE {database}.deploy_events MATERIALIZE PROJECTION release_platform_totals',
    // Dropped before the next are added, so that no part carries both; without waiting for the merges that go on. Lists read rows until then.
    'ALTER TABLE {database}.deploy_events DROP PROJECTION IF EXISTS release_totals SETTINGS alter_sync = 0',
    'ALTER TABLE {database}.deploy_events DROP PROJECTION IF EXISTS release_platform_totals SETTINGS alter_sync = 0',
    addTotals('release_sketches', `${RELEASE_KEYS}, platform`),
    addTotals('release_day_sketches', `${RELEASE_KEYS}, platform, toDate(timestamp)`),
    'ALTER TABLE {database}.deploy_events MATERIALIZE PROJECTION release_sketches',
    'ALTER TABLE {database}.deploy_events MATERIALIZE PROJECTION release_day_sketches',
    // What one release is counted by: computed from the others, for rows that were there before when they are read.
    'ALTER TABLE {database}.deploy_events ADD COLUMN IF NOT EXISTS device_key UInt64 MATERIALIZED xxh3(distinct_id)',
    `ALTER TABLE {database}.deploy_events ADD COLUMN IF NOT EXISTS release_key FixedString(16)
MATERIALIZED ${RELEASE_KEY}`,
    'ALTER TABLE {database}.deploy_events MATERIALIZE COLUMN device_key',
    'ALTER TABLE {database}.deploy_events MATERIALIZE COLUMN release_key',
  ],
};

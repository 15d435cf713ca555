/**
 * A fleet's history made by the engine itself, a million rows a statement: four projects of one half, one quarter, … of the events,
 * fifty releases each over eighty days, every event's device the same phone each time, but for one in twenty that had an update of its
 * system, and one event in a hundred re-delivered five seconds later.
 */

/** Rows of one statement. */
export const SLICE_ROWS = 1_000_000;

const RELEASES = 50;
const DAYS = 80;
const BEGINS = '2026-09-01 00:00:00';
const DEVICES = [1_500_000, 800_000, 400_000, 200_000] as const;

/** The project with half of the events, and one of its releases: one fiftieth of them. */
export const BIGGEST = { organization_id: 'org_bench', project_id: 'proj_0', environment: 'live' } as const;
export const RELEASE_ID = 'rel_0_030';

/** Metadata is dear to parse, so one slice of it is made and then used for all. Row `i` repeats row `event` where they differ. */
export const TEMPLATE_STATEMENTS: readonly string[] = [
  `CREATE TABLE penstock.bench_template (i UInt32, event UInt32, event_type LowCardinality(String), metadata JSON(max_dynamic_paths=64))
ENGINE = MergeTree ORDER BY i`,
  `INSERT INTO penstock.bench_template SELECT i, event, type, multiIf(
  type = 'download_complete', concat('{"download_ms":', toString(800 + toUInt32(exp(cityHash64(event, 'd') % 4000 / 1000) * 150)), ',"retried":false}'),
  type = 'apply_success', concat('{"prev_label":"1.1.', toString(event % 9), '","first_render_ms":', toString(300 + toUInt32(exp(cityHash64(event, 'r') % 3000 / 1000) * 60)), '}'),
  type = 'rollback', concat('{"reason":"', if(event % 3 = 0, 'kill_switch', 'two_crash_rule'), '","crash_count":2}'),
  '{"stack_trace":"at main\\\\nat start","first_render_ms":null}')
FROM (
  SELECT number AS i, number - (number % 100 = 99) AS event, cityHash64(event, 'type') % 100 AS dice,
    if(event % 2 = 0, 'download_complete', multiIf(dice < 86, 'apply_success', dice < 94, 'crash_on_update', 'rollback')) AS type
  FROM numbers(${SLICE_ROWS})
)`,
];

/** Adds slice `slice` of `slices` to deploy_events. Two events in a row are a device's: a download and what came of it. */
export function sliceStatement(slice: number, slices: number): string {
  const passed = `((${slice} + event / ${SLICE_ROWS}) / ${slices})`;
  return `INSERT INTO penstock.deploy_events (organization_id, project_id, environment, event_id, timestamp, event_type, release_id, distinct_id,
  app_version, bundle_label, platform, os_version, device_model, metadata, metadata_raw, ingest_segment)
WITH cityHash64(intDiv(event, 2), ${slice}) AS pair, pair % 100 AS share, multiIf(share < 50, 0, share < 75, 1, share < 90, 2, 3) AS project,
  intDiv(pair, 100) AS draw, greatest(0, toInt32(${passed} * ${RELEASES}) - toInt32(draw % 3)) AS release,
  intDiv(draw, 7) % multiIf(${DEVICES.map((devices, project) => (project < DEVICES.length - 1 ? `project = ${project}, ${devices}` : devices)).join(', ')}) AS device,
  cityHash64(device, project) AS phone
SELECT 'org_bench', concat('proj_', toString(project)), 'live',
  reinterpretAsUUID(concat(reinterpretAsString(cityHash64(event, ${slice}, 'high')), reinterpretAsString(cityHash64(event, ${slice}, 'low')))),
  toDateTime64('${BEGINS}', 3, 'UTC') + toIntervalMillisecond(toInt64(${passed} * ${DAYS * 86_400_000}) + (i != event) * 5000),
  event_type, concat('rel_', toString(project), '_', leftPad(toString(release), 3, '0')),
  toString(reinterpretAsUUID(concat(reinterpretAsString(phone), reinterpretAsString(cityHash64(phone))))),
  concat('1.', toString(phone % 12), '.0'), concat('1.2.', toString(release)), if(phone % 5 < 2, 'ios', 'android'),
  concat(toString(12 + phone % 6), '.', toString(intDiv(phone, 6) % 7 + (draw % 20 = 0))), concat('model-', toString(intDiv(phone, 64) % 220)),
  metadata, '', generateUUIDv4(${slice})
FROM penstock.bench_template
SETTINGS max_insert_threads = 1, max_threads = 1, max_block_size = 1100000, preferred_block_size_bytes = 0,
  max_insert_block_size = 1100000, min_insert_block_size_rows = 1100000, min_insert_block_size_bytes = 0`;
}

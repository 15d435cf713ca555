/**
 * A fleet's history made by the engine itself, a million rows a statement: four projects, one of them with 70 % of the events and three
 * hundred releases over eighty days. Every twelfth release is one that stays, and ends with two million events; those between are
 * fixes that the next ones replace. A device is the same phone in each event, but for one in twenty that had an update of its system,
 * and one event in a hundred is re-delivered five seconds later.
 */

/** Rows of one statement. */
export const SLICE_ROWS = 1_000_000;

const DAYS = 80;
const BEGINS = '2026-09-01 00:00:00';
const PROJECTS = [
  { percent_until: 70, devices: 1_500_000, releases: 300 },
  { percent_until: 85, devices: 600_000, releases: 100 },
  { percent_until: 95, devices: 400_000, releases: 100 },
  { percent_until: 100, devices: 200_000, releases: 60 },
] as const;

/** Which releases a project's events are of, in one slice: each draw one of so many places. */
const PLACES = 256;
const STAYS_EVERY = 12;
const STAYING = { weight: 8, fades_days: 6 } as const;
const FIX = { weight: 1, fades_days: 1.5 } as const;

/** The project with most of the events, a release of it that stayed, and a fix. */
export const BIGGEST = { organization_id: 'org_bench', project_id: 'proj_0', environment: 'live' } as const;
export const LARGE_RELEASE = releaseName(0, 180);
export const SMALL_RELEASE = releaseName(0, 185);

/** Metadata is dear to parse, so one slice of it is made and then used for all. Row `i` repeats row `event` where they differ. */
export const TEMPLATE_STATEMENTS: readonly string[] = [
  'CREATE DATABASE IF NOT EXISTS bench',
  `CREATE TABLE bench.template (i UInt32, event UInt32, event_type LowCardinality(String), metadata JSON(max_dynamic_paths=64))
ENGINE = MergeTree ORDER BY i`,
  `INSERT INTO bench.template SELECT i, event, type, multiIf(
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
  const places = PROJECTS.map((_project, project) => `[${placesOf(project, (slice + 0.5) / slices).join(',')}]`);
  return `INSERT INTO penstock.deploy_events (organization_id, project_id, environment, event_id, timestamp, event_type, release_id, distinct_id,
  app_version, bundle_label, platform, os_version, device_model, metadata, metadata_raw, ingest_segment)
WITH cityHash64(intDiv(event, 2), ${slice}) AS pair, pair % 100 AS share, ${byProject((_project, index) => String(index))} AS project,
  intDiv(pair, 100) AS draw, [${places.join(',')}][project + 1][1 + draw % ${PLACES}] AS release,
  intDiv(draw, ${PLACES}) % ${byProject(({ devices }) => String(devices))} AS device, cityHash64(device, project) AS phone
SELECT 'org_bench', concat('proj_', toString(project)), 'live',
  reinterpretAsUUID(concat(reinterpretAsString(cityHash64(event, ${slice}, 'high')), reinterpretAsString(cityHash64(event, ${slice}, 'low')))),
  toDateTime64('${BEGINS}', 3, 'UTC') + toIntervalMillisecond(toInt64(${passed} * ${DAYS * 86_400_000}) + (i != event) * 5000),
  event_type, concat('rel_', toString(project), '_', leftPad(toString(release), 3, '0')),
  toString(reinterpretAsUUID(concat(reinterpretAsString(phone), reinterpretAsString(cityHash64(phone))))),
  concat('1.', toString(phone % 12), '.0'), concat('1.2.', toString(release)), if(phone % 5 < 2, 'ios', 'android'),
  concat(toString(12 + phone % 6), '.', toString(intDiv(phone, 6) % 7 + (draw % 20 = 0))), concat('model-', toString(intDiv(phone, 64) % 220)),
  metadata, '', generateUUIDv4(${slice})
FROM bench.template
SETTINGS max_insert_threads = 1, max_threads = 1, max_block_size = 1100000, preferred_block_size_bytes = 0,
  max_insert_block_size = 1100000, min_insert_block_size_rows = 1100000, min_insert_block_size_bytes = 0`;
}

function byProject(expression: (project: (typeof PROJECTS)[number], index: number) => string): string {
  const cases = PROJECTS.map((project, index) => [`share < ${project.percent_until}`, expression(project, index)]);
  return `multiIf(${cases.flat().slice(0, -2).join(', ')}, ${cases.at(-1)?.[1]})`;
}

/** The releases that a project's devices report when `passed` of the time has passed, each as often as it is in use. */
function placesOf(project: number, passed: number): number[] {
  const { releases = 1 } = PROJECTS[project] ?? {};
  const weights = Array.from({ length: releases }, (_none, release) => {
    const { weight, fades_days } = release % STAYS_EVERY === 0 ? STAYING : FIX;
    const age_days = (passed - release / releases) * DAYS;
    return age_days < 0 ? 0 : weight * Math.exp(-age_days / fades_days);
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const places: number[] = [];
  let sum = 0;
  weights.forEach((weight, release) => {
    sum += weight;
    while (places.length < PLACES && (places.length + 0.5) / PLACES <= sum / total) places.push(release);
  });
  return places;
}

function releaseName(project: number, release: number): string {
  return `rel_${project}_${String(release).padStart(3, '0')}`;
}

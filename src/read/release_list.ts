/**
 * Many releases at once, the latest activity first. Counts are estimates (contract/distinct_sketch.ts): without a range they come from
 * the table's projection `release_sketches`, with one from `release_day_sketches` for its whole days and from the rows of the rest.
 */
import { estimate, sketchOf, sketchOfRows, slotsTaken, WITH_SAMPLE } from '../contract/distinct_sketch.ts';
import type { Query, Row } from '../contract/query.ts';
import type { ReadRequest } from '../contract/read_route.ts';
import { readInteger, readText } from './parameters.ts';
import { EVENT_KINDS, type EventCounts, type Figures, figuresOf, isoTime, readNumber, type Tally } from './release_figures.ts';
import { LABEL_CHARACTERS_MAX, RELEASE_ID_CODE_POINTS_MAX, type ReleaseScope, SCOPE_NAMES } from './release_scope.ts';

export const LIST_NAMES = [...SCOPE_NAMES, 'limit', 'after'] as const;

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;
/** A statement may have a megabyte, and a name a kilobyte. */
export const RELEASES_OF_STATEMENT_MAX = 500;

export interface Page {
  readonly limit: number;
  /** The last release of the page before; undefined for the first page. */
  readonly after: string | undefined;
}

/** A release as the list shows it. */
export interface ListedRelease {
  readonly release_id: string;
  readonly bundle_label: string | null;
  readonly first_seen: string | null;
  readonly last_seen: string | null;
  readonly stats: Figures;
}

/** Where a page begins: behind this release as it was last seen. */
export interface Position {
  readonly release_id: string;
  readonly last_seen_ms: number;
}

type Statement = Omit<Query, 'signal'>;

export function readPage(query: ReadRequest['query']): Page {
  return {
    limit: readInteger(query, 'limit', LIMIT_DEFAULT, 1, LIMIT_MAX),
    after: readText(query, 'after', RELEASE_ID_CODE_POINTS_MAX),
  };
}

/** Asks when a release was last seen; no row when it was not. */
export function positionStatement(scope: ReleaseScope, release_id: string): Statement {
  return {
    sql: `SELECT toUnixTimestamp64Milli(max(timestamp)) AS last_seen_ms FROM {database}.deploy_events
WHERE ${scope.owner}${scope.until}${scope.since} AND release_id = {release_id:String} GROUP BY release_id`,
    parameters: { ...scope.parameters, release_id },
  };
}

/** Asks which releases are on a page: rows `packed`, the name as Base64, which `listStatement` takes. */
export function pageStatement(scope: ReleaseScope, limit: number, behind: Position | undefined): Statement {
  const following =
    behind === undefined
      ? ''
      : "HAVING (max(last_seen), release_id) < (fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC'), {after_release_id:String})";
  const seen = partsOf(scope).map(({ where }) => `SELECT release_id, max(timestamp) AS last_seen ${where} GROUP BY release_id`);
  return {
    sql: `SELECT base64Encode(release_id) AS packed FROM (${seen.join('\nUNION ALL\n')})
GROUP BY release_id ${following} ORDER BY max(last_seen) DESC, release_id DESC LIMIT {limit:UInt32}`,
    parameters: {
      ...scope.parameters,
      limit,
      ...(behind === undefined ? {} : { after_ms: behind.last_seen_ms, after_release_id: behind.release_id }),
    },
  };
}

/**
 * What there is to say of a page's releases. These stand in the text: as a subquery they would be looked for while the
 * statement is analysed, by one thread and more than once, and as parameters they would not fit an address.
 *
 * @param page at most `RELEASES_OF_STATEMENT_MAX` answers of `pageStatement`
 */
export function listStatement(scope: ReleaseScope, page: readonly Row[]): Statement {
  const sketches = partsOf(scope).map(
    ({ where, states }) => `${FIRST_AND_LAST}, ${states} ${where} AND release_id IN (${PAGE}) GROUP BY release_id, event_type`,
  );
  const names = page.map((row) => Buffer.from(String(row['packed']), 'base64').toString('base64')).join();
  return {
    sql: `${WITH_SAMPLE}, '${names}' AS page_packed
SELECT release_id, toUnixTimestamp64Milli(min(each.first_seen)) AS first_seen_ms, toUnixTimestamp64Milli(max(each.last_seen)) AS last_seen_ms,
  leftUTF8(argMax(each.label, each.labelled_at), ${LABEL_CHARACTERS_MAX}) AS bundle_label, ${TALLY_SLOTS}
FROM (SELECT *, ${slotsTaken('events')} AS event_slots FROM (${
      sketches.length === 1
        ? sketches[0]
        : `${MERGED} FROM (${sketches.join('\nUNION ALL\n')}) AS part
  GROUP BY release_id, event_type`
    })) AS each
GROUP BY release_id ORDER BY last_seen_ms DESC, release_id DESC`,
    parameters: scope.parameters,
  };
}

const PAGE = "SELECT arrayJoin(arrayMap(name -> base64Decode(name), splitByChar(',', materialize(page_packed))))";

/** These aggregates and `SKETCHES` must be the projections', word for word, for ClickHouse to take them from there. */
const FIRST_AND_LAST = `SELECT release_id, event_type, min(timestamp) AS first_seen, max(timestamp) AS last_seen,
    argMaxIf(bundle_label, timestamp, bundle_label != '') AS label, maxIf(timestamp, bundle_label != '') AS labelled_at`;
const SKETCHES = `${sketchOf('event_id')} AS events, ${sketchOf('distinct_id')} AS devices`;
const SKETCHES_OF_ROWS = `${sketchOfRows('xxh3(event_id)')} AS events, ${sketchOfRows('device_key')} AS devices`;

/** The same over what those of two parts of a range have brought. */
const MERGED = `SELECT release_id, event_type, min(part.first_seen) AS first_seen, max(part.last_seen) AS last_seen,
  argMax(part.label, part.labelled_at) AS label, max(part.labelled_at) AS labelled_at,
  groupBitmapMergeState(part.events) AS events, groupBitmapMergeState(part.devices) AS devices`;

/** Of a query over the scope's rows: where they are, and the states of its sketches. */
interface Part {
  readonly where: string;
  readonly states: string;
}

/** The scope's rows in one piece, or with a range in up to two, so that a projection can answer for the first. */
function partsOf(scope: ReleaseScope): Part[] {
  const of = (condition: string, states: string): Part => ({
    where: `FROM {database}.deploy_events WHERE ${scope.owner}${condition}`,
    states,
  });
  if (scope.range === undefined) return [of('', SKETCHES)];
  const { days, edges } = scope.range;
  return [...(days === undefined ? [] : [of(days, SKETCHES)]), ...(edges === undefined ? [] : [of(edges, SKETCHES_OF_ROWS)])];
}

const { installs, rollbacks, crashes } = EVENT_KINDS;

/** The types of event whose devices each figure of a `Tally` counts. */
const DEVICES_OF: Readonly<Record<Exclude<keyof Tally, keyof EventCounts>, readonly string[]>> = {
  unique_devices: Object.values(EVENT_KINDS).map(({ type }) => type),
  crashed_devices: [crashes.type],
  crash_base: [crashes.type, installs.type],
  rolled_back_devices: [rollbacks.type],
  rollback_base: [rollbacks.type, installs.type],
};

/** A column for each figure of a `Tally`, from one row per type of event. */
const TALLY_SLOTS = [
  ...Object.entries(EVENT_KINDS).map(([name, { type }]) => `sumForEachIf(each.event_slots, each.event_type = '${type}') AS ${name}`),
  ...Object.entries(DEVICES_OF).map(([name, types]) => {
    const quoted = types.map((type) => `'${type}'`).join(', ');
    return `${slotsTaken(`groupBitmapMergeStateIf(each.devices, each.event_type IN (${quoted}))`)} AS ${name}`;
  }),
].join(', ');

function readEstimates(row: Row): Tally {
  const size = (name: keyof Tally): number => {
    const taken = row[name];
    return Array.isArray(taken) ? estimate(taken.map(Number)) : 0;
  };
  return {
    downloads: size('downloads'),
    installs: size('installs'),
    rollbacks: size('rollbacks'),
    crashes: size('crashes'),
    unique_devices: size('unique_devices'),
    crashed_devices: size('crashed_devices'),
    crash_base: size('crash_base'),
    rolled_back_devices: size('rolled_back_devices'),
    rollback_base: size('rollback_base'),
  };
}

export function readListedRelease(row: Row): ListedRelease {
  return {
    release_id: String(row['release_id']),
    bundle_label: String(row['bundle_label'] ?? '') || null,
    first_seen: isoTime(readNumber(row, 'first_seen_ms')),
    last_seen: isoTime(readNumber(row, 'last_seen_ms')),
    stats: figuresOf(readEstimates(row)),
  };
}

/**
 * Many releases at once, the latest activity first. Counts are estimates with a standard error of 0.4 %, and exact while they are
 * small: without a range they come from the table's projection `release_totals`, which has them ready per part.
 */
import type { Query, Row } from '../contract/query.ts';
import type { ReadRequest } from '../contract/read_route.ts';
import { readInteger, readText } from './parameters.ts';
import { EVENT_KINDS, type Figures, figuresOf, isoTime, readNumber, readTally } from './release_figures.ts';
import { LABEL_CHARACTERS_MAX, RELEASE_ID_CODE_POINTS_MAX, type ReleaseScope, SCOPE_NAMES } from './release_scope.ts';

export const LIST_NAMES = [...SCOPE_NAMES, 'limit', 'after'] as const;

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;

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

export function listStatement(scope: ReleaseScope, limit: number, behind: Position | undefined): Statement {
  const where = `${scope.owner}${scope.until}${scope.since}`;
  const following =
    behind === undefined
      ? ''
      : "HAVING (max(timestamp), release_id) < (fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC'), {after_release_id:String})";
  // These aggregates must be the projection's, word for word, for ClickHouse to take them from there.
  const by_type = `SELECT release_id, event_type, min(timestamp) AS first_seen, max(timestamp) AS last_seen,
    argMaxIf(bundle_label, timestamp, bundle_label != '') AS label, maxIf(timestamp, bundle_label != '') AS labelled_at,
    uniqCombined64State(16)(event_id) AS events, uniqCombined64State(16)(distinct_id) AS devices
  FROM {database}.deploy_events
  WHERE ${where} AND release_id IN (
    SELECT release_id FROM {database}.deploy_events WHERE ${where}
    GROUP BY release_id ${following} ORDER BY max(timestamp) DESC, release_id DESC LIMIT {limit:UInt32}
  )
  GROUP BY release_id, event_type`;
  return {
    sql: `SELECT release_id, toUnixTimestamp64Milli(min(each.first_seen)) AS first_seen_ms, toUnixTimestamp64Milli(max(each.last_seen)) AS last_seen_ms,
  leftUTF8(argMax(each.label, each.labelled_at), ${LABEL_CHARACTERS_MAX}) AS bundle_label, ${ESTIMATES}
FROM (${by_type}) AS each GROUP BY release_id ORDER BY last_seen_ms DESC, release_id DESC`,
    parameters: {
      ...scope.parameters,
      limit,
      ...(behind === undefined ? {} : { after_ms: behind.last_seen_ms, after_release_id: behind.release_id }),
    },
  };
}

const { installs, rollbacks, crashes } = EVENT_KINDS;

/** The columns of a `Tally`, from one row per type of event. */
const ESTIMATES = [
  ...Object.entries(EVENT_KINDS).map(
    ([name, { type }]) => `toUInt64(sumIf(finalizeAggregation(each.events), each.event_type = '${type}')) AS ${name}`,
  ),
  'uniqCombined64Merge(16)(each.devices) AS unique_devices',
  ...Object.entries({
    crashed_devices: [crashes.type],
    crash_base: [crashes.type, installs.type],
    rolled_back_devices: [rollbacks.type],
    rollback_base: [rollbacks.type, installs.type],
  }).map(([name, types]) => {
    const quoted = types.map((type) => `'${type}'`).join(', ');
    return `uniqCombined64MergeIf(16)(each.devices, each.event_type IN (${quoted})) AS ${name}`;
  }),
].join(', ');

export function readListedRelease(row: Row): ListedRelease {
  return {
    release_id: String(row['release_id']),
    bundle_label: String(row['bundle_label'] ?? '') || null,
    first_seen: isoTime(readNumber(row, 'first_seen_ms')),
    last_seen: isoTime(readNumber(row, 'last_seen_ms')),
    stats: figuresOf(readTally(row)),
  };
}

/**
 * SQL of one release's events, each once: a re-delivered event may stand in the table more than once, and counts as the earliest of
 * its rows. Everything that is said of one release is counted over this, so that it all agrees. Events of two devices are two events.
 *
 * Most rows are one event each, and they stream past; only those that may be one of several are gathered.
 */
import type { ListedDevices } from './listed_devices.ts';
import { ofRelease, type ReleaseScope } from './release_scope.ts';

const HALF_ID = "reinterpret(event_id, 'UInt64')";
/** Of chatty devices no bitmap proves anything: beyond so many rows it is cheaper to find out which events came again, by half of their ids. */
const REPEATED_ROWS_MAX = 300_000;

/** SQL: whether a row's event may have come twice; the same for all rows of an event. */
export function isRepeated(scope: ReleaseScope, listed: ListedDevices): string {
  if (listed.repeated_rows === 0) return 'false';
  if (listed.repeated_rows <= REPEATED_ROWS_MAX) return listed.repeated.condition;
  return `${HALF_ID} IN (SELECT half FROM (SELECT ${HALF_ID} AS half FROM {database}.deploy_events WHERE ${ofRelease(scope)})
    GROUP BY half HAVING count() > 1)`;
}

/** Expressions over the columns of deploy_events, by the name that they have outside. */
type Columns = Readonly<Record<string, string>>;

/** One row per event of a few devices: gathers all rows that meet the condition. An event that came first before `from` is none of the range. */
export function gatheredOnce(scope: ReleaseScope, columns: Columns, condition: string): string {
  const names = Object.keys(columns);
  return `SELECT min(copy.timestamp) AS timestamp, ${names.map((name) => `argMin(copy.${name}, copy.timestamp) AS ${name}`).join(', ')}
    FROM (SELECT event_id, device_key, timestamp, ${named(columns)}
      FROM {database}.deploy_events WHERE ${ofRelease(scope)}${condition}) AS copy
    GROUP BY event_id, device_key HAVING true${scope.since}`;
}

function named(columns: Columns): string {
  return Object.entries(columns)
    .map(([name, expression]) => `${expression} AS ${name}`)
    .join(', ');
}

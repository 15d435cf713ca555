/**
 * SQL of one release's events, each once: a re-delivered event may stand in the table more than once, and counts as the earliest of
 * its rows. Everything that is said of one release is counted over this, so that it all agrees.
 *
 * Most events have one row, and they stream past; only those that came again are gathered. Which these are is found out once for a
 * whole statement, by half of their ids: two events that share it are taken for one that came again, gathered, and told apart.
 */
import type { ReleaseScope } from './release_scope.ts';

/** The alias of what `copiedEventsExpression` says. */
export const COPIED_EVENTS = 'again';
const HALF_ID = "reinterpret(event_id, 'UInt64')";
/** As of devices (`release_devices.ts`): a thread each. */
const PARTS = 2;

/** SQL: half of the id of each event with several rows. */
export function copiedEventsExpression(scope: ReleaseScope): string {
  const parts = Array.from(
    { length: PARTS },
    (_none, part) => `SELECT half FROM (SELECT ${HALF_ID} AS half FROM {database}.deploy_events
    WHERE ${ofRelease(scope)} AND bitAnd(${HALF_ID}, ${PARTS - 1}) = ${part} GROUP BY half HAVING count() > 1 SETTINGS max_threads = 1)`,
  );
  return `(SELECT groupArray(half) FROM (${parts.join('\n  UNION ALL\n  ')}))`;
}

/**
 * A subquery with one row per event.
 *
 * @param columns expressions over the columns of deploy_events, by the name that they have outside; `timestamp` is always there
 * @param event_type of the events, when not all are wanted
 */
export function eventsOnce(scope: ReleaseScope, columns: Readonly<Record<string, string>>, event_type?: string): string {
  const where = ofRelease(scope) + (event_type === undefined ? '' : ` AND event_type = '${event_type}'`);
  const named = Object.entries(columns).map(([name, expression]) => `${expression} AS ${name}`);
  const is_copied = `${HALF_ID} IN (SELECT arrayJoin(${COPIED_EVENTS}))`;
  const names = Object.keys(columns);
  // An event that came first before `from` is none of the range, however often it came again.
  return `(
    SELECT ${['timestamp', ...named].join(', ')} FROM {database}.deploy_events WHERE ${where}${scope.since} AND NOT ${is_copied}
    UNION ALL
    SELECT min(copy.timestamp) AS timestamp, ${names.map((name) => `argMin(copy.${name}, copy.timestamp) AS ${name}`).join(', ')}
    FROM (SELECT event_id, timestamp, ${named.join(', ')} FROM {database}.deploy_events WHERE ${where} AND ${is_copied}) AS copy
    GROUP BY event_id HAVING true${scope.since}
  )`;
}

/** The condition on rows of one release, until `to`. */
export function ofRelease(scope: ReleaseScope): string {
  return `${scope.one_release}${scope.until}`;
}

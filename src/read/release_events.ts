/**
 * SQL of one release's events, each once: a re-delivered event may stand in the table more than once, and counts as the earliest of
 * its rows. Everything that is said of one release is counted over this, so that it all agrees.
 *
 * Most releases have few re-deliveries or none. So a survey counts rows and events first; where they agree, rows are events. Where
 * they do not, only the events with several rows are gathered; the others stream past.
 */
import type { Row } from '../contract/query.ts';
import { readNumber } from './release_figures.ts';
import type { ReleaseScope } from './release_scope.ts';

/** Of one release until `to`. */
export interface Survey {
  readonly rows: number;
  readonly events: number;
}

export function surveyStatement(scope: ReleaseScope): string {
  return `SELECT count() AS rows, uniqExact(event_id) AS events FROM {database}.deploy_events WHERE ${ofRelease(scope)}`;
}

export function readSurvey(row: Row | undefined): Survey {
  return { rows: readNumber(row ?? {}, 'rows'), events: readNumber(row ?? {}, 'events') };
}

/**
 * A subquery with one row per event.
 *
 * @param columns expressions over the columns of deploy_events, by the name that they have outside; `timestamp` is always there
 * @param event_type of the events, when not all are wanted
 */
export function eventsOnce(scope: ReleaseScope, survey: Survey, columns: Readonly<Record<string, string>>, event_type?: string): string {
  const where = ofRelease(scope) + (event_type === undefined ? '' : ` AND event_type = '${event_type}'`);
  const named = Object.entries(columns).map(([name, expression]) => `${expression} AS ${name}`);
  const rows = `SELECT ${['timestamp', ...named].join(', ')} FROM {database}.deploy_events WHERE ${where}`;
  if (survey.rows === survey.events) return `(${rows}${scope.since})`;
  const several = `event_id IN (SELECT event_id FROM {database}.deploy_events WHERE ${where} GROUP BY event_id HAVING count() > 1)`;
  const names = Object.keys(columns);
  // An event that came first before `from` is none of the range, however often it came again.
  return `(
    ${rows}${scope.since} AND NOT ${several}
    UNION ALL
    SELECT min(again.timestamp) AS timestamp, ${names.map((name) => `argMin(again.${name}, again.timestamp) AS ${name}`).join(', ')}
    FROM (SELECT event_id, timestamp, ${named.join(', ')} FROM {database}.deploy_events WHERE ${where} AND ${several}) AS again
    GROUP BY event_id HAVING true${scope.since}
  )`;
}

/** The condition on rows of one release, until `to`. */
export function ofRelease(scope: ReleaseScope): string {
  return `${scope.owner} AND release_id = {release_id:String}${scope.until}`;
}

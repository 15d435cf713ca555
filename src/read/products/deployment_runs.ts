/**
 * Deployments as they went. The events of one product, version and environment (and `invoke_id`, where the pipeline sends one) are told
 * in the order in which they came; whatever follows a `completed`, `failed` or `aborted` is the next deployment of the same version.
 */
import type { Query, Row } from '../../contract/query.ts';
import { isoTime, readNumber } from '../release_figures.ts';
import { OF_PRODUCT, type Page } from './product_scope.ts';

type Statement = Pick<Query, 'sql' | 'parameters'>;

export interface Deployment {
  /** Of its first event. */
  readonly id: string;
  readonly version: string;
  readonly environment_name: string;
  readonly status: string;
  readonly deployed_by: string | null;
  readonly build_url: string | null;
  readonly invoke_id: string | null;
  /** When it was first `pending`, `started`, and over; null for what was not told. */
  readonly pending_at: string | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  /** From start to end; null when one of them was not told. */
  readonly duration_ms: number | null;
}

const ENDS = "('completed', 'failed', 'aborted')";
/** Among events of the same millisecond, the later stage is the later event. */
const STAGE = "transform(toString(status), ['pending', 'started'], [0, 1], 2)";

/** A subquery with one row per deployment. @param condition on `deployment_events` */
function runs(condition: string): string {
  return `(
    SELECT environment_name, version, invoke_id, argMin(id, place) AS first_id, argMax(status, place) AS last_status, min(deployed_at) AS began_at,
      argMaxIf(deployed_by, place, deployed_by != '') AS by, argMaxIf(build_url, place, build_url != '') AS url,
      minIf(deployed_at, status = 'pending') AS pending, countIf(status = 'pending') AS pending_events,
      minIf(deployed_at, status = 'started') AS started, countIf(status = 'started') AS started_events,
      maxIf(deployed_at, status IN ${ENDS}) AS ended, countIf(status IN ${ENDS}) AS end_events
    FROM (
      SELECT id, environment_name, version, invoke_id, status, deployed_by, build_url, deployed_at, (deployed_at, ${STAGE}, id) AS place,
        countIf(status IN ${ENDS}) OVER (
          PARTITION BY environment_name, version, invoke_id ORDER BY deployed_at, ${STAGE}, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS run
      FROM {database}.deployment_events WHERE ${condition}
    )
    GROUP BY environment_name, version, invoke_id, run
  )`;
}

const COLUMNS = `first_id AS id, version, environment_name, invoke_id, last_status AS status, by, url,
  if(pending_events > 0, toUnixTimestamp64Milli(pending), NULL) AS pending_ms,
  if(started_events > 0, toUnixTimestamp64Milli(started), NULL) AS started_ms,
  if(end_events > 0, toUnixTimestamp64Milli(ended), NULL) AS ended_ms`;

/** When the deployment with this id began; no row when there is none. */
export const DEPLOYMENT_POSITION = `SELECT toUnixTimestamp64Milli(deployed_at) AS position_ms
FROM {database}.deployment_events WHERE ${OF_PRODUCT} AND id = {after:UUID} LIMIT 1`;

/** The latest first. @param after_ms when the deployment `page.after` began */
export function deploymentsStatement({ limit, after }: Page, after_ms: number | undefined): Statement {
  const following = "WHERE (began_at, first_id) < (fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC'), {after:UUID})";
  const is_first = after === undefined || after_ms === undefined;
  return {
    sql: `SELECT ${COLUMNS} FROM ${runs(OF_PRODUCT)} ${is_first ? '' : following} ORDER BY began_at DESC, first_id DESC LIMIT {limit:UInt32}`,
    parameters: { limit: limit + 1, ...(is_first ? {} : { after, after_ms }) },
  };
}

/** What has begun and is not over in the environments from `first` to `last`, by name; the latest first, so many of each. */
export function inProgressStatement(first: string, last: string, per_environment_max: number): Statement {
  const condition = `${OF_PRODUCT} AND environment_name >= {first:String} AND environment_name <= {last:String}`;
  return {
    sql: `SELECT ${COLUMNS} FROM ${runs(condition)} WHERE end_events = 0 ORDER BY began_at DESC, first_id DESC
LIMIT {per_environment_max:UInt32} BY environment_name`,
    parameters: { first, last, per_environment_max },
  };
}

export function readDeployment(row: Row): Deployment {
  const [started_ms, ended_ms] = [readNumber(row, 'started_ms'), readNumber(row, 'ended_ms')];
  return {
    id: String(row['id']),
    version: String(row['version']),
    environment_name: String(row['environment_name']),
    status: String(row['status']),
    deployed_by: String(row['by']) || null,
    build_url: String(row['url']) || null,
    invoke_id: String(row['invoke_id']) || null,
    pending_at: isoTime(readNumber(row, 'pending_ms')),
    started_at: isoTime(started_ms),
    ended_at: isoTime(ended_ms),
    duration_ms: started_ms === 0 || ended_ms === 0 ? null : ended_ms - started_ms,
  };
}

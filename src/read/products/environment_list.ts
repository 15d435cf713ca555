/** What is deployed where: of each environment of a product its latest completed deployment, and what is in progress. */
import type { Query, Row } from '../../contract/query.ts';
import { isoTime, readNumber } from '../release_figures.ts';
import type { Deployment } from './deployment_runs.ts';
import { eventsOf, OF_PRODUCT, type Page } from './product_scope.ts';

type Statement = Pick<Query, 'sql' | 'parameters'>;

export interface Environment {
  readonly environment_name: string;
  readonly first_seen: string | null;
  /** Null where no deployment was completed yet. */
  readonly current: CurrentDeployment | null;
  readonly in_progress: readonly Deployment[];
}

export interface CurrentDeployment {
  /** Of the event that completed it. */
  readonly id: string;
  readonly version: string;
  readonly scm_sha: string | null;
  readonly since: string | null;
  readonly deployed_by: string | null;
  readonly build_url: string | null;
}

export function environmentsStatement({ limit, after }: Page): Statement {
  const following = after === undefined ? '' : 'AND environment_name > {after:String}';
  return {
    sql: `SELECT places.environment_name AS environment_name, toUnixTimestamp64Milli(places.first_seen) AS first_seen_ms, completed,
  toUnixTimestamp64Milli(places.since) AS since_ms, latest.1 AS id, latest.2 AS version, latest.3 AS by, latest.4 AS url, commits.sha AS sha
FROM (
  SELECT environment_name, min(deployed_at) AS first_seen, countIf(status = 'completed') AS completed,
    maxIf(deployed_at, status = 'completed') AS since,
    argMaxIf((toString(id), version, toString(deployed_by), build_url), (deployed_at, id), status = 'completed') AS latest, latest.2 AS deployed
  FROM {database}.deployment_events WHERE ${OF_PRODUCT} ${following}
  GROUP BY environment_name ORDER BY environment_name LIMIT {limit:UInt32}
) AS places
LEFT JOIN (
  SELECT version, any(scm_sha) AS sha FROM ${eventsOf(`${OF_PRODUCT} AND scm_sha != ''`)} GROUP BY version
) AS commits ON commits.version = places.deployed
ORDER BY environment_name`,
    parameters: { limit: limit + 1, ...(after === undefined ? {} : { after }) },
  };
}

/** @param in_progress of all environments */
export function readEnvironment(row: Row, in_progress: readonly Deployment[]): Environment {
  const environment_name = String(row['environment_name']);
  return {
    environment_name,
    first_seen: isoTime(readNumber(row, 'first_seen_ms')),
    current: readNumber(row, 'completed') === 0 ? null : readCurrent(row),
    in_progress: in_progress.filter((deployment) => deployment.environment_name === environment_name),
  };
}

function readCurrent(row: Row): CurrentDeployment {
  return {
    id: String(row['id']),
    version: String(row['version']),
    scm_sha: String(row['sha']) || null,
    since: isoTime(readNumber(row, 'since_ms')),
    deployed_by: String(row['by']) || null,
    build_url: String(row['url']) || null,
  };
}

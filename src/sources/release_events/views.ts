/**
 * `products`, `environments` and `versions`: what exists because an event named it. They are views over the events, so that there is
 * nothing to keep in step: they are as exactly-once and as fresh as the events are, and an event that stands twice makes nothing twice.
 * The price is that the events must be kept: what is dropped from these tables was never there.
 */
import type { View } from '../../contract/table.ts';

const SEEN = `(
    SELECT organization_id, product_name, version, environment_name, scm_sha, deployed_at AS seen_at FROM {database}.deployment_events
    UNION ALL
    SELECT organization_id, product_name, version, '' AS environment_name, scm_sha, created_at AS seen_at FROM {database}.build_events
  )`;

function createViewStatement(name: string, select: string): string {
  return `CREATE VIEW IF NOT EXISTS {database}.${name} AS\n${select}`;
}

export const PRODUCTS: View = {
  name: 'products',
  migrations: [
    createViewStatement(
      'products',
      `SELECT organization_id, product_name, min(seen_at) AS first_seen FROM ${SEEN} GROUP BY organization_id, product_name`,
    ),
  ],
};

/** An environment is an organization's: two products that are deployed to `production` meet there. */
export const ENVIRONMENTS: View = {
  name: 'environments',
  migrations: [
    createViewStatement(
      'environments',
      `SELECT organization_id, environment_name, min(deployed_at) AS first_seen
  FROM {database}.deployment_events GROUP BY organization_id, environment_name`,
    ),
  ],
};

/** A version's commit is that of its first event that carried one; the registry sees to it that there is no other. */
export const VERSIONS: View = {
  name: 'versions',
  migrations: [
    createViewStatement(
      'versions',
      `SELECT organization_id, product_name, version, min(seen_at) AS first_seen, argMinIf(scm_sha, seen_at, scm_sha != '') AS scm_sha
  FROM ${SEEN} GROUP BY organization_id, product_name, version`,
    ),
  ],
};

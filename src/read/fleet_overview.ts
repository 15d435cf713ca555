/**
 * What the operator's page shows of the fleet, over all tenants or of one project: releases and how they spread, what runs where,
 * how webhooks do. A table that is not there yet has nothing to show.
 */
import type { QueryPort, Row } from '../contract/query.ts';
import type { Tenant } from '../contract/tenant.ts';
import { type Adoption, adoptionStatement, adoptionWindow, readAdoption } from './release_adoption.ts';
import { isoTime, readNumber } from './release_figures.ts';
import type { ListedRelease } from './release_list.ts';
import { type ReleaseScope, readScope } from './release_scope.ts';
import type { Interval } from './release_series.ts';
import { type Release, ReleaseStatistics } from './release_statistics.ts';

const PROJECTS_MAX = 200;
const RELEASES_SHOWN = 12;
const ROWS_MAX = 100;
const TEXT_CHARACTERS_MAX = 128;
const HOUR_MS = 3_600_000;
/** A chart of one release has at most a few hundred points. */
const MINUTES_SPAN_MS_MAX = 4 * HOUR_MS;
const HOURS_SPAN_MS_MAX = 14 * 24 * HOUR_MS;

const TENANT_COLUMNS = 'organization_id, project_id, environment';
/** Of whom a release is, which a projection knows: so the index finds its rows, though nobody named a tenant. */
const OWNERS_OF_RELEASE = `(SELECT ${TENANT_COLUMNS} FROM {database}.deploy_events WHERE release_id = {release_id:String} GROUP BY ${TENANT_COLUMNS})`;

/** Everything, whosever it is: for the operator alone. */
const ALL: ReleaseScope = {
  from_ms: undefined,
  to_ms: undefined,
  parameters: {},
  owner: 'true',
  one_release: `(${TENANT_COLUMNS}) IN ${OWNERS_OF_RELEASE} AND release_id = {release_id:String}`,
  until: '',
  since: '',
  range: undefined,
};

export interface Project extends Tenant {
  readonly last_seen: string | null;
}

export interface Deployed {
  readonly organization_id: string;
  readonly product_name: string;
  readonly environment_name: string;
  /** Of the last deployment that was completed; null before there was one. */
  readonly running: { readonly version: string; readonly since: string | null } | null;
  readonly latest: { readonly version: string; readonly status: string; readonly at: string | null };
}

export interface WebhookType {
  readonly type: string;
  readonly valid: number;
  readonly invalid: number;
  readonly last_received: string | null;
  /** Why the last invalid one is. */
  readonly last_reason: string;
}

export class FleetOverview {
  private readonly statistics: ReleaseStatistics;

  constructor(
    private readonly query: QueryPort,
    private readonly clock: { nowMs(): number },
  ) {
    this.statistics = new ReleaseStatistics(query);
  }

  /** The latest activity first. */
  async projects(signal: AbortSignal): Promise<{ projects: Project[] }> {
    // max(timestamp) stands in the table's projection, so that no event is read for it.
    const sql = `SELECT ${TENANT_COLUMNS}, toUnixTimestamp64Milli(max(timestamp)) AS last_ms
FROM {database}.deploy_events GROUP BY ${TENANT_COLUMNS} ORDER BY last_ms DESC LIMIT ${PROJECTS_MAX}`;
    const rows = await this.query.rows({ sql, parameters: {}, signal });
    return {
      projects: rows.map((row) => ({
        ...readTenant(row),
        last_seen: isoTime(readNumber(row, 'last_ms')),
      })),
    };
  }

  async releases(project: Tenant | undefined, signal: AbortSignal): Promise<{ releases: readonly ListedRelease[]; adoption: Adoption }> {
    const scope = scopeOf(project);
    const releases = await this.statistics.list(scope, { limit: RELEASES_SHOWN, after: undefined }, signal);
    const window = adoptionWindow(releases, this.clock.nowMs());
    const rows = window.release_ids.length === 0 ? [] : await this.query.rows({ ...adoptionStatement(scope, window), signal });
    return { releases, adoption: readAdoption(rows, window) };
  }

  /** With a series whose interval fits how long the release has been seen. */
  async release(project: Tenant | undefined, release_id: string, signal: AbortSignal): Promise<Release & { readonly interval: Interval }> {
    const scope = scopeOf(project);
    const sql = `SELECT ${TENANT_COLUMNS}, toUnixTimestamp64Milli(min(timestamp)) AS first_ms, toUnixTimestamp64Milli(max(timestamp)) AS last_ms
FROM {database}.deploy_events WHERE ${scope.owner} AND release_id = {release_id:String} GROUP BY ${TENANT_COLUMNS}`;
    const rows = await this.query.rows({ sql, parameters: { ...scope.parameters, release_id }, signal });
    const times = (name: string): number[] => rows.map((row) => readNumber(row, name));
    const interval = intervalFor(rows.length === 0 ? 0 : Math.max(...times('last_ms')) - Math.min(...times('first_ms')));
    const [owner] = rows;
    const own = owner !== undefined && rows.length === 1 ? scopeOf(readTenant(owner)) : scope;
    return { ...(await this.statistics.one(own, release_id, interval, signal)), interval };
  }

  async deployments(signal: AbortSignal): Promise<{ deployments: Deployed[] }> {
    if (!(await this.exists('deployment_events', signal))) return { deployments: [] };
    const sql = `SELECT organization_id, product_name, environment_name,
  argMaxIf(version, deployed_at, status = 'completed') AS running_version,
  toUnixTimestamp64Milli(maxIf(deployed_at, status = 'completed')) AS running_ms,
  argMax(version, deployed_at) AS latest_version, argMax(status, deployed_at) AS latest_status, toUnixTimestamp64Milli(max(deployed_at)) AS latest_ms
FROM {database}.deployment_events
GROUP BY organization_id, product_name, environment_name ORDER BY latest_ms DESC LIMIT ${ROWS_MAX}`;
    return { deployments: (await this.query.rows({ sql, parameters: {}, signal })).map(readDeployed) };
  }

  /** Of the last seven days. */
  async webhooks(signal: AbortSignal): Promise<{ days: number; types: WebhookType[] }> {
    const days = 7;
    if (!(await this.exists('webhook_events', signal))) return { days, types: [] };
    const sql = `SELECT leftUTF8(type, ${TEXT_CHARACTERS_MAX}) AS shown, countIf(valid = 1) AS valid_count, countIf(valid = 0) AS invalid_count,
  toUnixTimestamp64Milli(max(received_at)) AS last_ms, argMaxIf(reason, received_at, valid = 0) AS last_reason
FROM {database}.webhook_events WHERE received_at >= now() - toIntervalDay(${days})
GROUP BY shown ORDER BY valid_count + invalid_count DESC, shown LIMIT ${ROWS_MAX}`;
    const rows = await this.query.rows({ sql, parameters: {}, signal });
    return {
      days,
      types: rows.map((row) => ({
        type: text(row, 'shown'),
        valid: readNumber(row, 'valid_count'),
        invalid: readNumber(row, 'invalid_count'),
        last_received: isoTime(readNumber(row, 'last_ms')),
        last_reason: text(row, 'last_reason'),
      })),
    };
  }

  private async exists(table: string, signal: AbortSignal): Promise<boolean> {
    const [row] = await this.query.rows({ sql: `EXISTS TABLE {database}.${table}`, parameters: {}, signal });
    return readNumber(row ?? {}, 'result') === 1;
  }
}

function scopeOf(project: Tenant | undefined): ReleaseScope {
  return project === undefined ? ALL : readScope({ tenant: project, query: new Map() });
}

/** In full, since rows are found by it; these names are the operator's own. */
function readTenant(row: Row): Tenant {
  const name = (column: string): string => String(row[column] ?? '');
  return { organization_id: name('organization_id'), project_id: name('project_id'), environment: name('environment') };
}

function intervalFor(span_ms: number): Interval {
  if (span_ms <= MINUTES_SPAN_MS_MAX) return 'minute';
  return span_ms <= HOURS_SPAN_MS_MAX ? 'hour' : 'day';
}

function readDeployed(row: Row): Deployed {
  const running_ms = readNumber(row, 'running_ms');
  return {
    organization_id: text(row, 'organization_id'),
    product_name: text(row, 'product_name'),
    environment_name: text(row, 'environment_name'),
    running: running_ms > 0 ? { version: text(row, 'running_version'), since: isoTime(running_ms) } : null,
    latest: { version: text(row, 'latest_version'), status: text(row, 'latest_status'), at: isoTime(readNumber(row, 'latest_ms')) },
  };
}

function text(row: Row, name: string): string {
  return String(row[name] ?? '').slice(0, TEXT_CHARACTERS_MAX);
}

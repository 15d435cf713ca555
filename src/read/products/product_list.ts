/** Products by name, and the versions of one, the newest first. */
import type { Query, Row } from '../../contract/query.ts';
import { isoTime, readNumber } from '../release_figures.ts';
import { eventsOf, OF_ORGANIZATION, OF_PRODUCT, type Page } from './product_scope.ts';

type Statement = Pick<Query, 'sql' | 'parameters'>;

export interface Product {
  readonly product_name: string;
  readonly first_seen: string | null;
  readonly last_seen: string | null;
  readonly versions: number;
  readonly environments: number;
}

export interface Version {
  readonly version: string;
  /** Null until an event brings one. */
  readonly scm_sha: string | null;
  readonly first_seen: string | null;
  readonly last_seen: string | null;
  /** Of its latest build event; null when it has none. */
  readonly build_status: string | null;
}

export function productsStatement({ limit, after }: Page): Statement {
  const condition = after === undefined ? OF_ORGANIZATION : `${OF_ORGANIZATION} AND product_name > {after:String}`;
  return {
    sql: `SELECT product_name, toUnixTimestamp64Milli(min(seen_at)) AS first_seen_ms, toUnixTimestamp64Milli(max(seen_at)) AS last_seen_ms,
  uniqExact(version) AS versions, uniqExactIf(environment_name, environment_name != '') AS environments
FROM ${eventsOf(condition)} GROUP BY product_name ORDER BY product_name LIMIT {limit:UInt32}`,
    parameters: { limit: limit + 1, ...(after === undefined ? {} : { after }) },
  };
}

export function readProduct(row: Row): Product {
  return {
    product_name: String(row['product_name']),
    first_seen: isoTime(readNumber(row, 'first_seen_ms')),
    last_seen: isoTime(readNumber(row, 'last_seen_ms')),
    versions: readNumber(row, 'versions'),
    environments: readNumber(row, 'environments'),
  };
}

/** One row when there is such a product, none when there is not. */
export const PRODUCT_EXISTS = `SELECT 1 AS found FROM ${eventsOf(OF_PRODUCT)} LIMIT 1`;

/** When a version was first seen; no row when it was not. */
export const VERSION_POSITION = `SELECT toUnixTimestamp64Milli(min(seen_at)) AS position_ms
FROM ${eventsOf(`${OF_PRODUCT} AND version = {after:String}`)} GROUP BY version`;

/** @param after_ms when the version `page.after` was first seen */
export function versionsStatement({ limit, after }: Page, after_ms: number | undefined): Statement {
  const following = "HAVING (min(seen_at), version) < (fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC'), {after:String})";
  const is_first = after === undefined || after_ms === undefined;
  return {
    sql: `SELECT version, argMinIf(scm_sha, seen_at, scm_sha != '') AS sha, argMaxIf(status, seen_at, kind = 'build') AS build_status,
  toUnixTimestamp64Milli(min(seen_at)) AS first_seen_ms, toUnixTimestamp64Milli(max(seen_at)) AS last_seen_ms
FROM ${eventsOf(OF_PRODUCT)} GROUP BY version ${is_first ? '' : following} ORDER BY first_seen_ms DESC, version DESC LIMIT {limit:UInt32}`,
    parameters: { limit: limit + 1, ...(is_first ? {} : { after, after_ms }) },
  };
}

export function readVersion(row: Row): Version {
  return {
    version: String(row['version']),
    scm_sha: String(row['sha']) || null,
    first_seen: isoTime(readNumber(row, 'first_seen_ms')),
    last_seen: isoTime(readNumber(row, 'last_seen_ms')),
    build_status: String(row['build_status']) || null,
  };
}

/**
 * Which events a question about releases is about: the key's organization, project and environment, and the filters of the query
 * string. Made once per request; every statement takes its conditions and parameters from here, so that none can forget the tenant.
 */
import type { ReadRequest } from '../contract/read_route.ts';
import { invalidParameter, readText, readTime } from './parameters.ts';

export const SCOPE_NAMES = ['from', 'to', 'platform'] as const;

/** As deploy reports allow. */
export const RELEASE_ID_CODE_POINTS_MAX = 256;
/** Texts of events may have any length, and whoever has a phone can send them: an answer shows their beginning. */
export const LABEL_CHARACTERS_MAX = 256;
const PLATFORM_CODE_POINTS_MAX = 256;

export interface ReleaseScope {
  /** Inclusive, milliseconds since the epoch. */
  readonly from_ms: number | undefined;
  /** Exclusive. */
  readonly to_ms: number | undefined;
  readonly parameters: Readonly<Record<string, string | number>>;
  /** The tenant and the platform: what an aggregate projection knows. */
  readonly owner: string;
  /** `to`, as a condition to add; empty without one. */
  readonly until: string;
  /** `from`, as a condition on a column `timestamp`; empty without one. */
  readonly since: string;
}

/** Reads the filters. Throws `parameter_invalid`. */
export function readScope({ tenant, query }: Pick<ReadRequest, 'tenant' | 'query'>): ReleaseScope {
  const from_ms = readTime(query, 'from');
  const to_ms = readTime(query, 'to');
  const platform = readText(query, 'platform', PLATFORM_CODE_POINTS_MAX);
  if (from_ms !== undefined && to_ms !== undefined && from_ms >= to_ms) throw invalidParameter('from', 'it must be before to');
  const { organization_id, project_id, environment } = tenant;
  return {
    from_ms,
    to_ms,
    parameters: {
      organization_id,
      project_id,
      environment,
      ...(platform === undefined ? {} : { platform }),
      ...(from_ms === undefined ? {} : { from_ms }),
      ...(to_ms === undefined ? {} : { to_ms }),
    },
    owner: [
      'organization_id = {organization_id:String} AND project_id = {project_id:String} AND environment = {environment:String}',
      ...(platform === undefined ? [] : ['platform = {platform:String}']),
    ].join(' AND '),
    until: to_ms === undefined ? '' : " AND timestamp < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')",
    since: from_ms === undefined ? '' : " AND timestamp >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')",
  };
}

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
  /** The same for one release, the parameter `release_id`. */
  readonly one_release: string;
  /** `to`, as a condition to add; empty without one. */
  readonly until: string;
  /** `from`, as a condition on a column `timestamp`; empty without one. */
  readonly since: string;
  /** The range in two: its whole UTC days, of which an aggregate projection knows, and the rest. Undefined without a range. */
  readonly range: SplitRange | undefined;
}

/** Conditions to add; undefined for a part that is empty. */
export interface SplitRange {
  readonly days: string | undefined;
  readonly edges: string | undefined;
}

const DAY_MS = 86_400_000;
const OWNER = 'organization_id = {organization_id:String} AND project_id = {project_id:String} AND environment = {environment:String}';
/** The index finds the release's rows by the four columns; of what it finds, comparing one hash is five times as fast as comparing them. */
const ONE_RELEASE = `indexHint(${OWNER} AND release_id = {release_id:String})
    AND release_key = sipHash128(concat({organization_id:String}, '\\0', {project_id:String}, '\\0', {environment:String}, '\\0', {release_id:String}))`;
const SINCE = " AND timestamp >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')";
const UNTIL = " AND timestamp < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')";

/** The condition on rows of one release, until `to`. */
export function ofRelease(scope: ReleaseScope): string {
  return `${scope.one_release}${scope.until}`;
}

/** Reads the filters. Throws `parameter_invalid`. */
export function readScope({ tenant, query }: Pick<ReadRequest, 'tenant' | 'query'>): ReleaseScope {
  const from_ms = readTime(query, 'from');
  const to_ms = readTime(query, 'to');
  const platform = readText(query, 'platform', PLATFORM_CODE_POINTS_MAX);
  if (from_ms !== undefined && to_ms !== undefined && from_ms >= to_ms) throw invalidParameter('from', 'it must be before to');
  const { organization_id, project_id, environment } = tenant;
  const of_platform = platform === undefined ? '' : ' AND platform = {platform:String}';
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
      ...(from_ms === undefined ? {} : { from_day: Math.ceil(from_ms / DAY_MS) }),
      ...(to_ms === undefined ? {} : { to_day: Math.floor(to_ms / DAY_MS) }),
    },
    owner: `${OWNER}${of_platform}`,
    one_release: `${ONE_RELEASE}${of_platform}`,
    until: to_ms === undefined ? '' : UNTIL,
    since: from_ms === undefined ? '' : SINCE,
    range: splitRange(from_ms, to_ms),
  };
}

function splitRange(from_ms: number | undefined, to_ms: number | undefined): SplitRange | undefined {
  if (from_ms === undefined && to_ms === undefined) return undefined;
  const both = `${from_ms === undefined ? '' : SINCE}${to_ms === undefined ? '' : UNTIL}`;
  const from_day = from_ms === undefined ? Number.NEGATIVE_INFINITY : Math.ceil(from_ms / DAY_MS);
  const to_day = to_ms === undefined ? Number.POSITIVE_INFINITY : Math.floor(to_ms / DAY_MS);
  if (from_day >= to_day) return { days: undefined, edges: both };
  const start_of = (day: string): string => `fromUnixTimestamp64Milli({${day}:Int64} * ${DAY_MS}, 'UTC')`;
  const first = from_ms === undefined || from_ms % DAY_MS === 0 ? [] : [`timestamp < ${start_of('from_day')}`];
  const last = to_ms === undefined || to_ms % DAY_MS === 0 ? [] : [`timestamp >= ${start_of('to_day')}`];
  const edges = [...first, ...last];
  return {
    days:
      (from_ms === undefined ? '' : ' AND toDate(timestamp) >= toDate({from_day:UInt16})') +
      (to_ms === undefined ? '' : ' AND toDate(timestamp) < toDate({to_day:UInt16})'),
    edges: edges.length === 0 ? undefined : `${both} AND (${edges.join(' OR ')})`,
  };
}

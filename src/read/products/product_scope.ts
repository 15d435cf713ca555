/**
 * Whose products a question is about, and which page of the answer. Products are an organization's, so that any of its keys that may
 * read sees all of them; project and environment of a key belong to other events.
 */
import type { Query } from '../../contract/query.ts';
import type { ReadRequest } from '../../contract/read_route.ts';
import { readInteger, readText } from '../parameters.ts';

export const PAGE_NAMES = ['limit', 'after'] as const;

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;
/** More than a URL can hold. */
const AFTER_CODE_POINTS_MAX = 4096;

export interface Page {
  readonly limit: number;
  /** The last item of the page before, by its name, version or id; undefined for the first page. */
  readonly after: string | undefined;
}

/** One page of items; `next` is what `after` must be for the next one, null on the last. */
export interface Items<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

export type Parameters = Query['parameters'];

/** Conditions on every table of events; every statement takes its tenant from here. */
export const OF_ORGANIZATION = 'organization_id = {organization_id:String}';
export const OF_PRODUCT = `${OF_ORGANIZATION} AND product_name = {product_name:String}`;

/** Throws `parameter_invalid`. */
export function readPage(query: ReadRequest['query']): Page {
  return {
    limit: readInteger(query, 'limit', LIMIT_DEFAULT, 1, LIMIT_MAX),
    after: readText(query, 'after', AFTER_CODE_POINTS_MAX),
  };
}

/** Makes a page of what was asked for with one item more than it has. */
export function pageOf<Item>(items: readonly Item[], limit: number, name: (item: Item) => string): Items<Item> {
  if (items.length <= limit) return { items, next: null };
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown, next: last === undefined ? null : name(last) };
}

/** Both kinds of event with what they have in common. The environment of a build is empty. */
export function eventsOf(condition: string): string {
  const common = 'product_name, version, scm_sha, status';
  return `(
    SELECT ${common}, environment_name, deployed_at AS seen_at, 'deployment' AS kind FROM {database}.deployment_events WHERE ${condition}
    UNION ALL
    SELECT ${common}, '' AS environment_name, created_at AS seen_at, 'build' AS kind FROM {database}.build_events WHERE ${condition}
  )`;
}

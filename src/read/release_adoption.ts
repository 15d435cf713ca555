/**
 * How releases spread: installs in equal steps of time, from the first that was seen of them. Estimates of 1 %. Over more than a few days the
 * steps are days, of which the table's projection knows: rows of millions of events would take seconds.
 */
import { estimate, sketchOf, slotsTaken, WITH_SAMPLE } from '../contract/distinct_sketch.ts';
import type { Query, Row } from '../contract/query.ts';
import { EVENT_KINDS, readNumber } from './release_figures.ts';
import type { ListedRelease } from './release_list.ts';
import type { ReleaseScope } from './release_scope.ts';

const LINES_MAX = 5;
const POINTS_MAX = 120;
const DAY_S = 86_400;
const WINDOW_S_MAX = 30 * DAY_S;
const ROWS_WINDOW_S_MAX = 4 * DAY_S;
/** In seconds. Each divides the next but one, so that steps begin where a clock shows a round time. */
const STEPS_S = [5, 10, 30, 60, 300, 600, 1800, 3600, 21_600, DAY_S];

export interface AdoptionWindow {
  readonly release_ids: readonly string[];
  readonly from_s: number;
  readonly to_s: number;
  readonly step_s: number;
}

export interface Adoption {
  readonly step_s: number;
  /** Beginnings of the steps, seconds since the epoch. */
  readonly times_s: readonly number[];
  /** `installs` of each step, as many as there are times. */
  readonly releases: readonly { readonly release_id: string; readonly installs: readonly number[] }[];
}

/** Shows those of `releases` that were installed most. */
export function adoptionWindow(releases: readonly ListedRelease[], now_ms: number): AdoptionWindow {
  const installed = releases.filter(({ stats }) => stats.installs > 0);
  const shown = installed.sort((left, right) => right.stats.installs - left.stats.installs).slice(0, LINES_MAX);
  const now_s = Math.floor(now_ms / 1000);
  const seen_s = shown.map(({ first_seen }) => Math.floor(Date.parse(first_seen ?? '') / 1000)).filter(Number.isFinite);
  const first_s = Math.max(now_s - WINDOW_S_MAX, Math.min(now_s, ...seen_s));
  const step_s = now_s - first_s > ROWS_WINDOW_S_MAX ? DAY_S : (STEPS_S.find((step) => (now_s - first_s) / step < POINTS_MAX - 1) ?? DAY_S);
  const from_s = Math.floor(first_s / step_s) * step_s;
  return { release_ids: shown.map(({ release_id }) => release_id), from_s, to_s: now_s, step_s };
}

export function adoptionStatement(scope: ReleaseScope, { release_ids, from_s, step_s }: AdoptionWindow): Omit<Query, 'signal'> {
  const names = release_ids.map((_id, position) => `release_${position}`);
  const where = `${scope.owner} AND event_type = '${EVENT_KINDS.installs.type}' AND release_id IN (${names.map((name) => `{${name}:String}`).join(', ')})`;
  const by_row = `SELECT release_id, intDiv(toUnixTimestamp(timestamp), {step_s:UInt32}) * {step_s:UInt32} AS starts_s, uniqCombined64(14)(event_id) AS installs
FROM {database}.deploy_events WHERE ${where} AND timestamp >= fromUnixTimestamp64Milli({from_s:Int64} * 1000, 'UTC')
GROUP BY release_id, starts_s`;
  const by_day = `${WITH_SAMPLE}
SELECT release_id, toUInt32(day) * {step_s:UInt32} AS starts_s, ${slotsTaken('events')} AS slots
FROM (SELECT release_id, toDate(timestamp) AS day, ${sketchOf('event_id')} AS events
  FROM {database}.deploy_events WHERE ${where} AND toDate(timestamp) >= toDate(intDiv({from_s:Int64}, {step_s:UInt32})) GROUP BY release_id, day)`;
  return {
    sql: step_s === DAY_S ? by_day : by_row,
    parameters: {
      ...scope.parameters,
      step_s,
      from_s,
      ...Object.fromEntries(names.map((name, position) => [name, release_ids[position] ?? ''])),
    },
  };
}

export function readAdoption(rows: readonly Row[], { release_ids, from_s, to_s, step_s }: AdoptionWindow): Adoption {
  const times_s: number[] = [];
  if (release_ids.length > 0) for (let time_s = from_s; time_s <= to_s; time_s += step_s) times_s.push(time_s);
  const installs = new Map(rows.map((row) => [`${row['release_id']} ${readNumber(row, 'starts_s')}`, readInstalls(row)]));
  return {
    step_s,
    times_s,
    releases: release_ids.map((release_id) => ({
      release_id,
      installs: times_s.map((time_s) => installs.get(`${release_id} ${time_s}`) ?? 0),
    })),
  };
}

function readInstalls(row: Row): number {
  const slots = row['slots'];
  return Array.isArray(slots) ? estimate(slots.map(Number)) : readNumber(row, 'installs');
}

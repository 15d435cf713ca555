/** Release statistics: which questions are asked of ClickHouse for an answer, and the answer made of them. Keeps nothing. */
import type { Query, QueryPort, Row } from '../contract/query.ts';
import { collected, readCollected } from './collected_rows.ts';
import { invalidParameter } from './parameters.ts';
import { Breakdown, othersStatement, valuesStatement } from './release_breakdown.ts';
import {
  DEVICES,
  DIMENSIONS,
  type Dimension,
  devicesExpression,
  type KnownValues,
  knownValuesStatement,
  readKnownValues,
  readPlainTallies,
} from './release_devices.ts';
import { COPIED_EVENTS, copiedEventsExpression } from './release_events.ts';
import { type Figures, isoTime, NO_TALLY, readNumber, TALLY_COLUMNS } from './release_figures.ts';
import { type ListedRelease, listStatement, type Page, type Position, positionStatement, readListedRelease } from './release_list.ts';
import type { ReleaseScope } from './release_scope.ts';
import {
  HISTORY_COLUMNS,
  historyStatement,
  type Interval,
  PERCENTILE_COLUMNS,
  type Percentiles,
  percentilesStatement,
  REASON_COLUMNS,
  type RollbackReason,
  readHistory,
  readPercentiles,
  readReasons,
  reasonsStatement,
  type SeriesPoint,
} from './release_series.ts';

/** Of one value of a dimension; the value is empty where devices did not say. */
export interface ValueFigures extends Figures {
  readonly value: string;
}

/** A release with all that is known of it. One without events in the scope has zeros and nulls. */
export interface Release extends ListedRelease {
  readonly by_platform: readonly ValueFigures[];
  readonly by_app_version: readonly ValueFigures[];
  readonly by_os_version: readonly ValueFigures[];
  readonly by_device_model: readonly ValueFigures[];
  readonly rollback_reasons: readonly RollbackReason[];
  readonly first_render_ms: Percentiles | null;
  readonly download_ms: Percentiles | null;
  readonly series: readonly SeriesPoint[];
}

type Ask = (sql: string, more?: Query['parameters']) => Promise<readonly Row[]>;

export class ReleaseStatistics {
  constructor(private readonly query: QueryPort) {}

  /** Throws `parameter_invalid` when the page begins behind a release that is not there. */
  async list(scope: ReleaseScope, page: Page, signal: AbortSignal): Promise<readonly ListedRelease[]> {
    const behind = page.after === undefined ? undefined : await this.position(scope, page.after, signal);
    const rows = await this.query.rows({ ...listStatement(scope, page.limit, behind), signal });
    return rows.map(readListedRelease);
  }

  /** What devices did and what happened when are asked at the same time: each takes one of two cores. */
  async one(scope: ReleaseScope, release_id: string, interval: Interval, signal: AbortSignal): Promise<Release> {
    const ask: Ask = (sql, more = {}) => this.query.rows({ sql, parameters: { ...scope.parameters, release_id, ...more }, signal });
    const [breakdown, [row = {}]] = await Promise.all([this.breakDown(scope, ask), ask(eventsStatement(scope, interval))]);
    const history = readHistory(readCollected(row['history'], HISTORY_COLUMNS), interval);
    return {
      release_id,
      bundle_label: history.bundle_label,
      first_seen: isoTime(history.first_seen_ms),
      last_seen: isoTime(history.last_seen_ms),
      ...breakdown,
      rollback_reasons: readReasons(readCollected(row['reasons'], REASON_COLUMNS)),
      first_render_ms: readPercentiles(readCollected(row['first_render_ms'], PERCENTILE_COLUMNS)[0]),
      download_ms: readPercentiles(readCollected(row['download_ms'], PERCENTILE_COLUMNS)[0]),
      series: history.series,
    };
  }

  private async position(scope: ReleaseScope, release_id: string, signal: AbortSignal): Promise<Position> {
    const [row] = await this.query.rows({ ...positionStatement(scope, release_id), signal });
    if (row === undefined) throw invalidParameter('after', 'there is no such release with these filters');
    return { release_id, last_seen_ms: readNumber(row, 'last_seen_ms') };
  }

  private async breakDown(scope: ReleaseScope, ask: Ask): Promise<DimensionFigures> {
    const known = readKnownValues((await ask(knownValuesStatement(scope)))[0]);
    const [row = {}] = await ask(devicesStatement(scope, known));
    const breakdown = new Breakdown();
    const texts = new Map<string, string>();
    for (const dimension of DIMENSIONS) {
      const tallies = readPlainTallies(row['tallies'], dimension, known);
      for (const [position, { key, text }] of known[dimension].entries()) {
        const tally = tallies[position] ?? NO_TALLY;
        texts.set(`${dimension} ${key}`, text);
        breakdown.add(dimension, key, tally);
        // Each plain device has one value of each dimension: those of any one are all of them.
        if (dimension === DIMENSIONS[0]) breakdown.add('', '', tally);
      }
    }
    for (const other of readCollected(row['others'], OTHERS_COLUMNS)) breakdown.addOthers(other);
    await this.addTexts(scope, breakdown, texts, ask);
    const of = (dimension: Dimension): ValueFigures[] =>
      breakdown.top(dimension).map(([key, figures]) => ({ value: texts.get(`${dimension} ${key}`) ?? '', ...figures }));
    return {
      stats: breakdown.total(),
      by_platform: of('platform'),
      by_app_version: of('app_version'),
      by_os_version: of('os_version'),
      by_device_model: of('device_model'),
    };
  }

  /** Of values that are shown and that have none yet. */
  private async addTexts(scope: ReleaseScope, breakdown: Breakdown, texts: Map<string, string>, ask: Ask): Promise<void> {
    const missing = DIMENSIONS.map((dimension) => ({
      dimension,
      keys: breakdown
        .top(dimension)
        .map(([key]) => key)
        .filter((key) => !texts.has(`${dimension} ${key}`)),
    })).filter(({ keys }) => keys.length > 0);
    if (missing.length === 0) return;
    const statement = valuesStatement(
      scope,
      missing.map(({ dimension }) => dimension),
    );
    const parameters = Object.fromEntries(missing.map(({ dimension, keys }) => [`${dimension}_keys`, `[${keys.join(',')}]`]));
    for (const row of await ask(statement, parameters)) texts.set(`${row['dimension']} ${row['key']}`, String(row['value']));
  }
}

const OTHERS_COLUMNS = ['dimension', 'key', ...TALLY_COLUMNS];

/** One row: tallies of plain devices, and those of the others. */
function devicesStatement(scope: ReleaseScope, known: KnownValues): string {
  return `WITH ${devicesExpression(scope, known)} AS ${DEVICES}
SELECT ${DEVICES}.1 AS tallies, others FROM ${collected(othersStatement(scope), OTHERS_COLUMNS, 'others')}`;
}

/** One row: what is said of events whatever device they are of. */
function eventsStatement(scope: ReleaseScope, interval: Interval): string {
  return `WITH ${copiedEventsExpression(scope)} AS ${COPIED_EVENTS}
SELECT history, reasons, first_render_ms, download_ms
FROM ${[
    collected(historyStatement(scope, interval), HISTORY_COLUMNS, 'history'),
    collected(reasonsStatement(scope), REASON_COLUMNS, 'reasons'),
    collected(percentilesStatement(scope, 'first_render_ms'), PERCENTILE_COLUMNS, 'first_render_ms'),
    collected(percentilesStatement(scope, 'download_ms'), PERCENTILE_COLUMNS, 'download_ms'),
  ].join('\nCROSS JOIN ')}`;
}

type DimensionFigures = Pick<Release, 'stats' | 'by_platform' | 'by_app_version' | 'by_os_version' | 'by_device_model'>;

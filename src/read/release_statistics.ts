/** Release statistics: which questions are asked of ClickHouse for an answer, and the answer made of them. Keeps nothing. */
import type { Query, QueryPort, Row } from '../contract/query.ts';
import { invalidParameter } from './parameters.ts';
import { Breakdown, DIMENSIONS, type Dimension, othersStatement, plainStatement, valuesStatement } from './release_breakdown.ts';
import { readSurvey, surveyStatement } from './release_events.ts';
import { type Figures, isoTime, readNumber } from './release_figures.ts';
import { type ListedRelease, listStatement, type Page, type Position, positionStatement, readListedRelease } from './release_list.ts';
import type { ReleaseScope } from './release_scope.ts';
import {
  type History,
  historyStatement,
  type Interval,
  type Percentiles,
  percentilesStatement,
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

  async one(scope: ReleaseScope, release_id: string, interval: Interval, signal: AbortSignal): Promise<Release> {
    const ask: Ask = (sql, more = {}) => this.query.rows({ sql, parameters: { ...scope.parameters, release_id, ...more }, signal });
    const [breakdown, rest] = await Promise.all([this.breakDown(scope, ask), this.describe(scope, interval, ask)]);
    return {
      release_id,
      bundle_label: rest.history.bundle_label,
      first_seen: isoTime(rest.history.first_seen_ms),
      last_seen: isoTime(rest.history.last_seen_ms),
      ...breakdown,
      rollback_reasons: rest.reasons,
      first_render_ms: rest.first_render_ms,
      download_ms: rest.download_ms,
      series: rest.history.series,
    };
  }

  private async describe(scope: ReleaseScope, interval: Interval, ask: Ask): Promise<Description> {
    const survey = readSurvey((await ask(surveyStatement(scope)))[0]);
    const [history, reasons, first_render_ms, download_ms] = await Promise.all([
      ask(historyStatement(scope, survey, interval)).then((rows) => readHistory(rows, interval)),
      ask(reasonsStatement(scope, survey)).then(readReasons),
      ask(percentilesStatement(scope, survey, 'first_render_ms')).then((rows) => readPercentiles(rows[0])),
      ask(percentilesStatement(scope, survey, 'download_ms')).then((rows) => readPercentiles(rows[0])),
    ]);
    return { history, reasons, first_render_ms, download_ms };
  }

  private async position(scope: ReleaseScope, release_id: string, signal: AbortSignal): Promise<Position> {
    const [row] = await this.query.rows({ ...positionStatement(scope, release_id), signal });
    if (row === undefined) throw invalidParameter('after', 'there is no such release with these filters');
    return { release_id, last_seen_ms: readNumber(row, 'last_seen_ms') };
  }

  private async breakDown(scope: ReleaseScope, ask: Ask): Promise<DimensionFigures> {
    const breakdown = new Breakdown(await ask(plainStatement(scope)));
    if (breakdown.has_others) for (const row of await ask(othersStatement(scope))) breakdown.add(row);
    const tops = DIMENSIONS.map((dimension) => ({ dimension, top: breakdown.top(dimension) }));
    const keys = tops.map(({ dimension, top }) => [`${dimension}_keys`, `[${top.map(([key]) => key).join(',')}]`]);
    const rows = breakdown.total().unique_devices === 0 ? [] : await ask(valuesStatement(scope), Object.fromEntries(keys));
    const values = new Map(rows.map((row) => [`${row['dimension']} ${row['key']}`, String(row['value'])]));
    const of = (dimension: Dimension): ValueFigures[] =>
      breakdown.top(dimension).map(([key, figures]) => ({ value: values.get(`${dimension} ${key}`) ?? '', ...figures }));
    return {
      stats: breakdown.total(),
      by_platform: of('platform'),
      by_app_version: of('app_version'),
      by_os_version: of('os_version'),
      by_device_model: of('device_model'),
    };
  }
}

interface Description {
  readonly history: History;
  readonly reasons: readonly RollbackReason[];
  readonly first_render_ms: Percentiles | null;
  readonly download_ms: Percentiles | null;
}

type DimensionFigures = Pick<Release, 'stats' | 'by_platform' | 'by_app_version' | 'by_os_version' | 'by_device_model'>;

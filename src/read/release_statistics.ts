/** Release statistics: which questions are asked of ClickHouse for an answer, and the answer made of them. Keeps nothing. */
import type { Query, QueryPort, Row } from '../contract/query.ts';
import { everyDevice, readListedDevices } from './listed_devices.ts';
import { invalidParameter } from './parameters.ts';
import { Breakdown, othersStatement, valuesStatement } from './release_breakdown.ts';
import {
  DIMENSIONS,
  type Dimension,
  devicesStatement,
  judgedDevices,
  type KnownValues,
  knownValuesStatement,
  readKnownValues,
  readTallies,
  readTotal,
} from './release_devices.ts';
import { type Figures, isoTime, NO_TALLY, readNumber } from './release_figures.ts';
import {
  type ListedRelease,
  listStatement,
  type Page,
  type Position,
  pageStatement,
  positionStatement,
  RELEASES_OF_STATEMENT_MAX,
  readListedRelease,
} from './release_list.ts';
import { type RollbackReason, readReasons, reasonsStatement } from './release_reasons.ts';
import type { ReleaseScope } from './release_scope.ts';
import { historyStatement, type Interval, type Percentiles, readHistory, readPercentiles, type SeriesPoint } from './release_series.ts';

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

/** Of a release with no more rows, all are looked at event by event: the statement that spares most devices that takes longer to analyse than it saves. */
const SMALL_ROWS_MAX = 16_384;

type Ask = (sql: string, more?: Query['parameters']) => Promise<readonly Row[]>;

export class ReleaseStatistics {
  constructor(private readonly query: QueryPort) {}

  /** Throws `parameter_invalid` when the page begins behind a release that is not there. */
  async list(scope: ReleaseScope, page: Page, signal: AbortSignal): Promise<readonly ListedRelease[]> {
    const behind = page.after === undefined ? undefined : await this.position(scope, page.after, signal);
    const named = await this.query.rows({ ...pageStatement(scope, page.limit, behind), signal });
    const listed: ListedRelease[] = [];
    for (let at = 0; at < named.length; at += RELEASES_OF_STATEMENT_MAX) {
      const statement = listStatement(scope, named.slice(at, at + RELEASES_OF_STATEMENT_MAX));
      listed.push(...(await this.query.rows({ ...statement, signal })).map(readListedRelease));
    }
    return listed;
  }

  async one(scope: ReleaseScope, release_id: string, interval: Interval, signal: AbortSignal): Promise<Release> {
    const ask: Ask = (sql, more = {}) => this.query.rows({ sql, parameters: { ...scope.parameters, release_id, ...more }, signal });
    const [reasons, counted] = await Promise.all([ask(reasonsStatement(scope)), count(scope, interval, ask)]);
    const history = readHistory(counted.intervals, interval);
    return {
      release_id,
      bundle_label: history.bundle_label,
      first_seen: isoTime(history.first_seen_ms),
      last_seen: isoTime(history.last_seen_ms),
      ...(await breakDown(scope, counted, ask)),
      rollback_reasons: readReasons(reasons),
      first_render_ms: readPercentiles(counted.intervals[0]?.['first_render_ms']),
      download_ms: readPercentiles(counted.intervals[0]?.['download_ms']),
      series: history.series,
    };
  }

  private async position(scope: ReleaseScope, release_id: string, signal: AbortSignal): Promise<Position> {
    const [row] = await this.query.rows({ ...positionStatement(scope, release_id), signal });
    if (row === undefined) throw invalidParameter('after', 'there is no such release with these filters');
    return { release_id, last_seen_ms: readNumber(row, 'last_seen_ms') };
  }
}

/** Rows of the statements that find out about devices, the later with what the earlier say. */
interface Counted {
  readonly known: KnownValues;
  /** The row of `devicesStatement`; empty when all devices are others. */
  readonly devices: Row;
  readonly intervals: readonly Row[];
  readonly others: readonly Row[];
}

/** What happened when, and what the devices did that are looked at event by event, are asked at the same time. */
async function count(scope: ReleaseScope, interval: Interval, ask: Ask): Promise<Counted> {
  const [sample = {}] = await ask(knownValuesStatement(scope));
  const known = readKnownValues(sample);
  const rows = readNumber(sample, 'sampled_rows');
  if (rows === 0) return { known, devices: {}, intervals: [], others: [] };
  const devices = rows > SMALL_ROWS_MAX ? (await ask(devicesStatement(scope, known)))[0] : undefined;
  const listed = devices === undefined ? everyDevice(rows) : readListedDevices(devices, judgedDevices(scope, known));
  const [intervals, others] = await Promise.all([
    ask(historyStatement(scope, listed, interval)),
    listed.all.length === 0 ? [] : ask(othersStatement(scope, listed.all)),
  ]);
  return { known, devices: devices ?? {}, intervals, others };
}

async function breakDown(scope: ReleaseScope, { known, devices, others }: Counted, ask: Ask): Promise<DimensionFigures> {
  const breakdown = new Breakdown();
  breakdown.add('', '', readTotal(devices['total']));
  const texts = new Map<string, string>();
  for (const dimension of DIMENSIONS) {
    const tallies = readTallies(devices['tallies'], dimension, known);
    for (const [position, { key, text }] of known[dimension].entries()) {
      texts.set(`${dimension} ${key}`, text);
      breakdown.add(dimension, key, tallies[position] ?? NO_TALLY);
    }
  }
  for (const other of others) breakdown.addOthers(other);
  await addTexts(scope, breakdown, texts, ask);
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
async function addTexts(scope: ReleaseScope, breakdown: Breakdown, texts: Map<string, string>, ask: Ask): Promise<void> {
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

type DimensionFigures = Pick<Release, 'stats' | 'by_platform' | 'by_app_version' | 'by_os_version' | 'by_device_model'>;

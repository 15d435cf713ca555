/** What is asked of ClickHouse, and what is made of its rows; ClickHouse itself is played here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Query, Row } from '../../../src/contract/query.ts';
import { readScope } from '../../../src/read/release_scope.ts';
import { POINTS_MAX, readHistory } from '../../../src/read/release_series.ts';
import { ReleaseStatistics } from '../../../src/read/release_statistics.ts';

const TENANT = { organization_id: 'org-secret', project_id: 'proj-secret', environment: 'env-secret' };
const FILTERS = { from: '2026-01-01', to: '2026-02-01', platform: 'platform-secret' };
const SCOPE = readScope({ tenant: TENANT, query: new Map(Object.entries(FILTERS)) });
const { signal } = new AbortController();

/** Answers by the first pattern that a statement has; keeps what was asked. */
function play(answers: readonly (readonly [pattern: RegExp, rows: readonly Row[]])[]): { statistics: ReleaseStatistics; asked: Query[] } {
  const asked: Query[] = [];
  const rows = async (query: Query): Promise<readonly Row[]> => {
    asked.push(query);
    return answers.find(([pattern]) => pattern.test(query.sql))?.[1] ?? [];
  };
  return { statistics: new ReleaseStatistics({ rows }), asked };
}

function tally(dimension: string, key: string, plain: number, unique_devices: number): Row {
  const devices = { unique_devices, crashed_devices: 1, crash_base: unique_devices, rolled_back_devices: 0, rollback_base: 0 };
  return { plain, dimension, key, downloads: unique_devices, installs: 0, rollbacks: 0, crashes: 1, ...devices };
}

const SURVEY: readonly [RegExp, readonly Row[]] = [/^SELECT count\(\) AS rows/, [{ rows: 5, events: 4 }]];

test('every statement is held to the tenant and to every filter, and no value is in its text', async () => {
  const { statistics, asked } = play([
    [/AS last_seen_ms FROM/, [{ last_seen_ms: 1 }]],
    SURVEY,
    [/^SELECT plain/, [tally('', '', 0, 2)]],
    [/^SELECT each.dimension/, [tally('', '', 0, 2)]],
  ]);
  await statistics.list(SCOPE, { limit: 7, after: 'after-secret' }, signal);
  await statistics.one(SCOPE, 'release-secret', 'hour', signal);
  assert.equal(asked.length, 2 + 8);
  for (const { sql, parameters } of asked) {
    assert.doesNotMatch(sql, /secret|2026/);
    const tables = sql.match(/FROM \{database\}\.deploy_events/g)?.length ?? 0;
    assert.ok(tables > 0);
    for (const name of ['organization_id:String', 'project_id:String', 'environment:String', 'platform:String']) {
      assert.equal(sql.split(`{${name}}`).length - 1, tables, `${name} once per table in ${sql}`);
    }
    assert.equal(
      sql.split(/ AND (?:timestamp < \S+\(\{to_ms:|toDate\(timestamp\) < \S+\{to_day:)/).length - 1,
      tables,
      `the range's end in ${sql}`,
    );
    const used = [...sql.matchAll(/\{([a-z_]+):/g)].map(([, name = '']) => name);
    assert.deepEqual(
      used.filter((name) => !Object.hasOwn(parameters, name)),
      [],
    );
  }
});

test('devices that are not plain are added to those that are, and 20 values are shown, those with the most devices', async () => {
  const models = Array.from({ length: 30 }, (_, index) => tally('device_model', String(index), 1, 100 - index));
  const { statistics, asked } = play([
    SURVEY,
    [
      /^SELECT plain/,
      [tally('', '', 1, 40), tally('', '', 0, 2), tally('platform', '11', 1, 40), tally('platform', '11', 0, 2), ...models],
    ],
    [/^SELECT each.dimension/, [tally('', '', 0, 2), tally('platform', '11', 0, 1), tally('platform', '22', 0, 2)]],
    [
      /AS value/,
      [
        { dimension: 'platform', key: '11', value: 'ios' },
        { dimension: 'platform', key: '22', value: '' },
        { dimension: 'device_model', key: '0', value: 'ios' },
      ],
    ],
  ]);
  const release = await statistics.one(SCOPE, 'r', 'day', signal);
  assert.deepEqual([release.stats.unique_devices, release.stats.crash_rate], [42, 2 / 42]);
  assert.deepEqual(
    release.by_platform.map(({ value, unique_devices }) => [value, unique_devices]),
    [
      ['ios', 41],
      ['', 2],
    ],
  );
  assert.equal(release.by_device_model.length, 20);
  assert.deepEqual(release.by_device_model.map(({ unique_devices }) => unique_devices).at(-1), 81);
  const values = asked.find(({ sql }) => sql.includes('platform_keys'));
  assert.deepEqual([values?.parameters['platform_keys'], values?.parameters['os_version_keys']], ['[11,22]', '[]']);
});

test('a rate that estimates make more than all is all', async () => {
  const { statistics } = play([[/groupBitmapMerge/, [{ release_id: 'r', crashed_devices: [101, 0], crash_base: [100, 0] }]]]);
  const [release] = await statistics.list(SCOPE, { limit: 1, after: undefined }, signal);
  assert.deepEqual([release?.stats.crash_rate, release?.stats.rollback_rate], [1, null]);
});

test('intervals without an event are in the series, and too many are refused', () => {
  const point = (starts_s: number): Row => ({
    starts_s,
    downloads: 1,
    first_seen_ms: starts_s * 1000 + 5,
    last_seen_ms: starts_s * 1000 + 9,
    label: '',
  });
  const { series, first_seen_ms, last_seen_ms, bundle_label } = readHistory(
    [point(3600), { ...point(7200), label: 'x' }, point(18_000)],
    'hour',
  );
  assert.deepEqual(
    [series.length, series.map(({ downloads }) => downloads).join(''), first_seen_ms, last_seen_ms],
    [5, '11001', 3_600_005, 18_000_009],
  );
  assert.equal(bundle_label, 'x');
  assert.equal(readHistory([point(0), point((POINTS_MAX - 1) * 60)], 'minute').series.length, POINTS_MAX);
  assert.throws(() => readHistory([point(0), point(POINTS_MAX * 60)], 'minute'), /"interval"/);
  assert.deepEqual(readHistory([], 'day').series, []);
});

/** What is asked of ClickHouse, and what is made of its rows; ClickHouse itself is played here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Query, Row } from '../../../src/contract/query.ts';
import { readListedDevices } from '../../../src/read/listed_devices.ts';
import { readScope } from '../../../src/read/release_scope.ts';
import { POINTS_MAX, readHistory } from '../../../src/read/release_series.ts';
import { ReleaseStatistics } from '../../../src/read/release_statistics.ts';

const TENANT = { organization_id: 'org-secret', project_id: 'proj-secret', environment: 'env-secret' };
const FILTERS = { from: '2026-01-01', to: '2026-02-01', platform: 'platform-secret' };
const SCOPE = readScope({ tenant: TENANT, query: new Map(Object.entries(FILTERS)) });
const { signal } = new AbortController();
/** Of a release that is counted by device first. */
const MANY_ROWS = 16_385;

/** Answers by the first pattern that a statement has; keeps what was asked. */
function play(answers: readonly (readonly [pattern: RegExp, rows: readonly Row[]])[]): { statistics: ReleaseStatistics; asked: Query[] } {
  const asked: Query[] = [];
  const rows = async (query: Query): Promise<readonly Row[]> => {
    asked.push(query);
    return answers.find(([pattern]) => pattern.test(query.sql))?.[1] ?? [];
  };
  return { statistics: new ReleaseStatistics({ rows }), asked };
}

/** What ClickHouse says of devices that it counts by number, from 0 on: all had a download and a crash. */
function tally(devices: readonly number[]): readonly unknown[] {
  return [devices.flatMap((count) => Array.from({ length: 16 }, (_none, done) => (done === 9 ? count : 0))), devices.map(() => '0')];
}

/** The same of known values, whose numbers begin with 2. */
function tallyOfKnown(devices: readonly number[]): readonly unknown[] {
  return tally([0, 0, ...devices]);
}

/** A row of the other devices: each has a download, one of them a crash. */
function others(dimension: string, key: string, devices: number): Row {
  const rest = { installs: 0, rollbacks: 0, crashes: 1, crashed_devices: 1, crash_base: 1, rolled_back_devices: 0, rollback_base: 0 };
  return { dimension, key, downloads: devices, unique_devices: devices, ...rest };
}

function packed(name: string): string {
  return Buffer.from(name).toString('base64');
}

test('every statement is held to the tenant and to every filter, and no value is in its text', async () => {
  const { statistics, asked } = play([
    [/AS last_seen_ms FROM/, [{ last_seen_ms: 1 }]],
    [/ AS packed FROM/, [{ packed: packed('release-secret') }]],
    [/ AS sampled_rows/, [{ sampled_rows: MANY_ROWS }]],
    [/ AS tallies/, [{ repeated_devices: 1, changed_devices: 1 }]],
    [/ AS unique_devices/, [others('', '', 2), others('platform', '22', 2)]],
  ]);
  await statistics.list(SCOPE, { limit: 7, after: 'after-secret' }, signal);
  await statistics.one(SCOPE, 'release-secret', 'hour', signal);
  assert.equal(asked.length, 3 + 6);
  for (const { sql, parameters } of asked) {
    assert.doesNotMatch(sql, /secret|2026/);
    const tables = sql.match(/FROM \{database\}\.deploy_events/g)?.length ?? 0;
    assert.ok(tables > 0);
    for (const name of ['organization_id:String', 'project_id:String', 'environment:String', 'platform:String']) {
      // Of one release the index and the rows are asked for the tenant.
      const times = sql.includes('indexHint') && name !== 'platform:String' ? 2 : 1;
      assert.equal(sql.split(`{${name}}`).length - 1, times * tables, `${name} for each table in ${sql}`);
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

test('devices that are looked at event by event are added to the rest, and 20 values are shown, those with the most devices', async () => {
  const models = Array.from({ length: 30 }, (_, index) => 100 - index);
  const known = {
    sampled_rows: MANY_ROWS,
    platform_values: [['11', 'ios']],
    device_model_values: models.map((_devices, index) => [String(index), `model-${index}`]),
  };
  const tallies = [tallyOfKnown([40]), tallyOfKnown([]), tallyOfKnown([]), tallyOfKnown(models)];
  const { statistics, asked } = play([
    [/ AS platform_values/, [known]],
    [/ AS tallies/, [{ total: tally([0, 40]), tallies, changed_devices: 2 }]],
    [/ AS unique_devices/, [others('', '', 2), others('platform', '11', 1), others('platform', '22', 2)]],
    [/\{platform_keys:/, [{ dimension: 'platform', key: '22', value: 'web' }]],
  ]);
  const release = await statistics.one(SCOPE, 'r', 'day', signal);
  const { downloads, crashes, unique_devices, crash_rate } = release.stats;
  assert.deepEqual([downloads, crashes, unique_devices, crash_rate], [42, 41, 42, 1]);
  assert.deepEqual(
    release.by_platform.map(({ value, unique_devices: devices }) => [value, devices]),
    [
      ['ios', 41],
      ['web', 2],
    ],
  );
  assert.equal(release.by_device_model.length, 20);
  assert.deepEqual([release.by_device_model.at(-1)?.value, release.by_device_model.at(-1)?.unique_devices], ['model-19', 81]);
  // Only for the text that was not among the first rows.
  const values = asked.find(({ sql }) => sql.includes('{platform_keys:'));
  assert.deepEqual([values?.parameters['platform_keys'], values?.parameters['os_version_keys']], ['[22]', undefined]);
});

test('of a release of few rows all devices are looked at event by event, and of one without any nothing more is asked', async () => {
  const asked_of = async (rows: number): Promise<{ sqls: string[]; downloads: number }> => {
    const { statistics, asked } = play([
      [/ AS sampled_rows/, [{ sampled_rows: rows, platform_values: [['11', 'ios']] }]],
      [/ AS unique_devices/, [others('', '', 2), others('platform', '11', 2)]],
    ]);
    const { stats, by_platform } = await statistics.one(SCOPE, 'r', 'day', signal);
    assert.deepEqual([by_platform[0]?.value, by_platform[0]?.downloads], rows === 0 ? [undefined, undefined] : ['ios', 2]);
    return { sqls: asked.map(({ sql }) => sql), downloads: stats.downloads };
  };
  const few = await asked_of(MANY_ROWS - 1);
  assert.equal(few.downloads, 2);
  // The sample, the reasons, the series and the devices.
  assert.equal(few.sqls.length, 4);
  assert.ok(!few.sqls.some((sql) => sql.includes(' AS tallies') || sql.includes('device_key IN')));
  const none = await asked_of(0);
  assert.deepEqual([none.sqls.length, none.downloads], [2, 0]);
});

test('events beyond the first of a type are added to the devices that have one', async () => {
  const more = (2n << 96n) + (3n << 64n) + (4n << 32n) + 5n;
  const { statistics } = play([
    [/ AS sampled_rows/, [{ sampled_rows: MANY_ROWS }]],
    [
      / AS tallies/,
      [
        {
          total: [
            [...Array.from({ length: 31 }, () => 0), 10],
            ['0', String(more)],
          ],
        },
      ],
    ],
  ]);
  const { stats } = await statistics.one(SCOPE, 'r', 'day', signal);
  assert.deepEqual([stats.downloads, stats.installs, stats.rollbacks, stats.crashes, stats.unique_devices], [15, 14, 13, 12, 10]);
});

test('more devices than a statement can list are found again by it', () => {
  const few = readListedDevices(
    { repeated_devices: 1, changed_devices: 59_999, repeated_packed: "AAAAAAAAAAA='", changed_packed: '/////////wA=' },
    '(JUDGED)',
  );
  assert.match(few.repeated.with_packed, /^WITH 'AAAAAAAAAAA=' AS/);
  assert.match(few.all.with_packed, /^WITH 'AAAAAAAAAAD\/{9}AA==' AS/);
  assert.doesNotMatch(few.repeated.condition + few.all.condition, /JUDGED/);
  const many = readListedDevices({ repeated_devices: 1, changed_devices: 60_000, changed_packed: '' }, '(JUDGED)');
  assert.deepEqual(
    [many.all.with_packed, many.all.condition.includes('FROM (JUDGED)'), many.repeated.condition.includes('JUDGED')],
    ['', true, false],
  );
});

test('a rate that estimates make more than all is all', async () => {
  const { statistics } = play([
    [/ AS packed FROM/, [{ packed: packed('r') }]],
    [/groupBitmapMerge/, [{ release_id: 'r', crashed_devices: [101, 0], crash_base: [100, 0] }]],
  ]);
  const [release] = await statistics.list(SCOPE, { limit: 1, after: undefined }, signal);
  assert.deepEqual([release?.stats.crash_rate, release?.stats.rollback_rate], [1, null]);
});

test('a page of many releases is asked for in statements of 500, and what is no Base64 of a name is not in their text', async () => {
  const names = Array.from({ length: 1000 }, (_none, index) => ({ packed: index === 0 ? `${packed('r0')}'` : packed(`r${index}`) }));
  const { statistics, asked } = play([
    [/ AS packed FROM/, names],
    [/ AS page_packed/, [{ release_id: 'r' }]],
  ]);
  assert.equal((await statistics.list(SCOPE, { limit: 1000, after: undefined }, signal)).length, 2);
  const texts = asked.slice(1).map(({ sql }) => / '([^']*)' AS page_packed/.exec(sql)?.[1]?.split(',') ?? []);
  assert.deepEqual(
    texts.flat(),
    names.map((_name, index) => packed(`r${index}`)),
  );
  assert.deepEqual(
    texts.map(({ length }) => length),
    [500, 500],
  );
});

test('without a release in its range a list asks for no more', async () => {
  const { statistics, asked } = play([]);
  assert.deepEqual(await statistics.list(SCOPE, { limit: 10, after: undefined }, signal), []);
  assert.equal(asked.length, 1);
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

/** The list of releases, from projections and rows, against counting by hand; and a database of an earlier release that is upgraded. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { createConnection, ServerAddress } from '../../src/clickhouse/connection.ts';
import { migrate } from '../../src/clickhouse/migrations/migrate.ts';
import { ClickHouseReader } from '../../src/clickhouse/reader.ts';
import type { Query } from '../../src/contract/query.ts';
import { FleetOverview } from '../../src/read/fleet_overview.ts';
import { adoptionStatement, readAdoption } from '../../src/read/release_adoption.ts';
import { readScope } from '../../src/read/release_scope.ts';
import { ReleaseStatistics } from '../../src/read/release_statistics.ts';
import { DEPLOY_EVENTS } from '../../src/sources/deploy_report/table.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { type SeededRandom, seededRandom } from '../support/seeded_random.ts';
import { until } from '../support/until.ts';

const TENANT = { organization_id: 'o', project_id: 'p', environment: 'live' };
/** Steps before the one that brought the projections of today. */
const EARLIER_VERSION = 6;
const BEGINS_MS = Date.UTC(2026, 9, 30);
const SPAN_MS = 4 * 86_400_000;
const TYPES = ['download_complete', 'apply_success', 'rollback', 'crash_on_update'];
const signal = new AbortController().signal;

interface Event {
  readonly event_id: string;
  readonly time_ms: number;
  readonly event_type: string;
  readonly release_id: string;
  readonly distinct_id: string;
  readonly platform: string;
}

interface Store {
  readonly engine: TestEngine;
  readonly reader: ClickHouseReader;
  migrateTo(version: number): Promise<void>;
}

async function startStore(context: TestContext): Promise<Store> {
  const engine = await startEngine({ after: (callback) => context.after(callback) });
  const client = createConnection({ address: ServerAddress.parse(engine.url), connections_max: 4, request_timeout_ms: 60_000 });
  context.after(() => client.close());
  const ports = { client: () => client, random: { uuid: randomUUID }, on_log: () => undefined };
  const migrate_to = async (version: number): Promise<void> => {
    const table = { ...DEPLOY_EVENTS, migrations: DEPLOY_EVENTS.migrations.slice(0, version) };
    await migrate({ client, clock: SYSTEM_CLOCK, random: ports.random }, 'penstock', [table]);
  };
  return { engine, reader: new ClickHouseReader(ports, 'penstock'), migrateTo: migrate_to };
}

/** Events of four days about the end of a month; one in four came again, at any later time. */
function makeEvents(random: SeededRandom, count: number): Event[] {
  return Array.from({ length: count }, (_none, index) => {
    const event: Event = {
      event_id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      time_ms: BEGINS_MS + random.below(SPAN_MS),
      event_type: random.pick(TYPES),
      release_id: `rel_${1 + random.below(3)}`,
      distinct_id: `device-${random.below(60)}`,
      platform: random.pick(['ios', 'android']),
    };
    const again = { ...event, time_ms: event.time_ms + 1 + random.below(SPAN_MS) };
    return random.below(4) === 0 ? [event, again] : [event];
  }).flat();
}

async function insert(engine: TestEngine, events: readonly Event[]): Promise<void> {
  const rows = events.map(({ event_id, time_ms, event_type, release_id, distinct_id, platform }) => {
    const texts = [event_type, release_id, distinct_id, platform].map((text) => `'${text}'`);
    return `('o', 'p', 'live', '${event_id}', fromUnixTimestamp64Milli(toInt64(${time_ms})), ${texts.join(', ')})`;
  });
  const columns = 'organization_id, project_id, environment, event_id, timestamp, event_type, release_id, distinct_id, platform';
  await engine.run(`INSERT INTO penstock.deploy_events (${columns}) SELECT * FROM values(${rows.join(', ')})`);
}

/** By release: counts of distinct events by type, and of devices. */
function countByHand(events: readonly Event[]): Map<string, number[]> {
  const sizes = new Map<string, number[]>();
  for (const release_id of new Set(events.map((event) => event.release_id))) {
    const own = events.filter((event) => event.release_id === release_id);
    const distinct = (type: string): number =>
      new Set(own.filter(({ event_type }) => event_type === type).map(({ event_id }) => event_id)).size;
    sizes.set(release_id, [...TYPES.map(distinct), new Set(own.map(({ distinct_id }) => distinct_id)).size]);
  }
  return sizes;
}

function sqlPick(number: string): string {
  return `[${TYPES.map((type) => `'${type}'`).join(', ')}][1 + intDiv(${number}, 15000) % 2 + ${number} % 3]`;
}

function figures({ downloads, installs, rollbacks, crashes, unique_devices }: Readonly<Record<string, number | null>>): unknown[] {
  return [downloads, installs, rollbacks, crashes, unique_devices];
}

async function checkAgainstHand({ reader }: Store, events: readonly Event[], filter: Readonly<Record<string, string>>): Promise<void> {
  const statistics = new ReleaseStatistics(reader);
  const scope = readScope({ tenant: TENANT, query: new Map(Object.entries(filter)) });
  const is_in = ({ time_ms, platform }: Event): boolean =>
    time_ms >= (scope.from_ms ?? 0) && time_ms < (scope.to_ms ?? Number.POSITIVE_INFINITY) && platform === (filter['platform'] ?? platform);
  const listed = await statistics.list(scope, { limit: 100, after: undefined }, signal);
  const what = JSON.stringify(filter);
  assert.deepEqual(
    new Map(listed.map(({ release_id, stats }) => [release_id, figures({ ...stats })])),
    new Map([...countByHand(events.filter(is_in))]),
    `the list, ${what}`,
  );
  const first_ms = new Map<string, number>();
  for (const { event_id, time_ms } of events) first_ms.set(event_id, Math.min(time_ms, first_ms.get(event_id) ?? Number.POSITIVE_INFINITY));
  const once = countByHand(events.filter((event) => is_in(event) && first_ms.get(event.event_id) === event.time_ms));
  const { stats } = await statistics.one(scope, 'rel_1', 'hour', signal);
  assert.deepEqual(figures({ ...stats }), once.get('rel_1') ?? [0, 0, 0, 0, 0], `one release, ${what}`);
}

test('the list and one release are what counting by hand says, whatever the range and the platform', async (context) => {
  const random = seededRandom(8);
  const store = await startStore(context);
  await store.migrateTo(DEPLOY_EVENTS.migrations.length);
  const events = makeEvents(random, 600);
  const parts = [0, 1, 2, 3].map((part) => events.filter((_event, index) => index % 4 === part));
  for (const part of parts) await insert(store.engine, part);
  const time = (): string => new Date(BEGINS_MS + random.below(SPAN_MS)).toISOString();
  const filters: Record<string, string>[] = [
    {},
    { platform: 'ios' },
    { from: '2026-10-31' },
    { from: '2026-10-31', to: '2026-11-02' },
    { from: '2026-10-31T10:15:00Z', to: '2026-10-31T10:45:00Z' },
    { from: '2026-10-31T23:30:00Z', to: '2026-11-01T00:30:00Z', platform: 'android' },
    { to: '2026-11-01T12:00:00.001Z' },
    { from: '2030-01-01' },
  ];
  for (let round = 0; round < 12; round++) {
    const [from = '', to = ''] = [time(), time()].sort();
    if (from !== to) filters.push(round % 2 === 0 ? { from, to } : { from, to, platform: 'ios' });
  }
  for (const filter of filters) await checkAgainstHand(store, events, filter);
});

test('a list finds releases whatever is in their names', async (context) => {
  const store = await startStore(context);
  await store.migrateTo(DEPLOY_EVENTS.migrations.length);
  const names = ['a,b', "it's", '\\', '\0', 'ü 🚀', ''];
  const packed = names.map((name) => `'${Buffer.from(name).toString('base64')}'`);
  await store.engine.run(`INSERT INTO penstock.deploy_events (organization_id, project_id, environment, event_id, timestamp, event_type, release_id, distinct_id)
SELECT 'o', 'p', 'live', generateUUIDv4(), now(), 'rollback', base64Decode(arrayJoin([${packed.join(', ')}])), 'd'`);
  for (const filter of [{}, { from: '2026-01-01' }, { from: '2026-01-01T00:00:01Z' }]) {
    const scope = readScope({ tenant: TENANT, query: new Map(Object.entries(filter)) });
    const listed = await new ReleaseStatistics(store.reader).list(scope, { limit: 100, after: undefined }, signal);
    assert.deepEqual(listed.map(({ release_id }) => release_id).sort(), [...names].sort());
    assert.ok(listed.every(({ stats }) => stats.rollbacks === 1));
  }
});

/** A release's rows: each hundredth is the one before it again. */
interface MadeRelease {
  readonly release_id: string;
  readonly rows: number;
  readonly devices: number;
  /** SQL of an `event`'s system. */
  readonly os_version: string;
}

async function insertRelease(engine: TestEngine, { release_id, rows, devices, os_version }: MadeRelease): Promise<void> {
  const insert_part = (
    part: number,
  ): string => `INSERT INTO penstock.deploy_events (organization_id, project_id, environment, event_id, timestamp,
  event_type, release_id, distinct_id, platform, os_version, bundle_label, metadata)
SELECT 'o', 'p', 'live', reinterpretAsUUID(unhex(hex(MD5(toString(event))))), toDateTime64('2026-10-30 00:00:00', 3, 'UTC') + number, ${sqlPick('event')},
  '${release_id}', toString(event % ${devices}), ['ios', 'android'][1 + event % 2], ${os_version}, toString(intDiv(event, 1000)),
  concat('{"first_render_ms":', toString(event % 1000), ',"reason":"', toString(event % 3), '"}')
FROM (SELECT number, number - (number % 100 = 99) AS event FROM numbers(${(part * rows) / 3}, ${rows / 3}))`;
  for (const part of [0, 1, 2]) await engine.run(insert_part(part));
}

async function checkAgainstPlainSql(
  { engine, reader }: Store,
  release_id: string,
  filter: Readonly<Record<string, string>>,
): Promise<void> {
  const scope = readScope({ tenant: TENANT, query: new Map(Object.entries(filter)) });
  const release = await new ReleaseStatistics(reader).one(scope, release_id, 'hour', signal);
  const [expected] = await engine.query<
    Record<string, unknown>
  >(`WITH events AS (SELECT event_id, min(timestamp) AS time, any(event_type) AS type, any(bundle_label) AS label,
  any(distinct_id) AS device, any(os_version) AS os, any(metadata.first_render_ms::UInt64) AS render, any(metadata.reason::String) AS reason
  FROM penstock.deploy_events WHERE release_id = '${release_id}' GROUP BY event_id
  HAVING time >= fromUnixTimestamp64Milli(toInt64(${scope.from_ms ?? 0})) AND time < fromUnixTimestamp64Milli(toInt64(${scope.to_ms ?? Date.UTC(2027, 0)})))
SELECT ${TYPES.map((type) => `toUInt32(countIf(type = '${type}'))`).join(', ')}, toUInt32(uniqExact(device)), toUInt32(uniqExactIf(device, os = '18')),
  toUInt32(countIf(type = 'rollback' AND reason = '1')), quantileExactInclusiveIf(0.95)(render, type = 'apply_success'),
  argMax(label, time), toUnixTimestamp64Milli(max(time))::Float64, toUInt32(countIf(type = 'crash_on_update' AND toHour(time) = 11)) FROM events`);
  const os_18 = release.by_os_version.find(({ value }) => value === '18');
  const reason_1 = release.rollback_reasons.find(({ reason }) => reason === '1');
  const sum = (what: 'downloads' | 'crashes', hour?: number): number =>
    release.series.reduce(
      (total, point) => total + (hour === undefined || new Date(point.time).getUTCHours() === hour ? point[what] : 0),
      0,
    );
  assert.deepEqual(
    [
      ...figures({ ...release.stats }),
      os_18?.unique_devices ?? 0,
      reason_1?.count ?? 0,
      release.first_render_ms?.p95,
      release.bundle_label,
      Date.parse(release.last_seen ?? ''),
      sum('crashes', 11),
    ],
    Object.values(expected ?? {}),
    `${release_id} ${JSON.stringify(filter)}`,
  );
  assert.equal(sum('downloads'), release.stats.downloads);
}

test('a release of many or few rows is what plain SQL says, with its re-deliveries, changed devices and ranges', async (context) => {
  const store = await startStore(context);
  await store.migrateTo(DEPLOY_EVENTS.migrations.length);
  // Devices of some had an update of their system: a tenth, or more than a statement can list; or more rows each than are proven; or so few that all go event by event.
  const releases: MadeRelease[] = [
    { release_id: 'rel_big', rows: 45_000, devices: 15_000, os_version: "if(event > 30000 AND event % 10 = 0, '18', '17')" },
    { release_id: 'rel_wide', rows: 123_000, devices: 61_500, os_version: "if(event > 61500, '18', '17')" },
    { release_id: 'rel_busy', rows: 330_000, devices: 40, os_version: "if(event % 40 = 3 AND event > 9000, '18', '17')" },
    { release_id: 'rel_small', rows: 15_000, devices: 5000, os_version: "if(event > 10000 AND event % 10 = 0, '18', '17')" },
  ];
  const filters = [{}, { from: '2026-10-30T03:00:00Z', to: '2026-10-30T11:30:00Z' }, { to: '2026-10-30T03:00:00Z' }];
  for (const release of releases) {
    await insertRelease(store.engine, release);
    for (const filter of filters) await checkAgainstPlainSql(store, release.release_id, filter);
  }
});

test('the operator sees a release over all tenants that have it', async (context) => {
  const store = await startStore(context);
  await store.migrateTo(DEPLOY_EVENTS.migrations.length);
  const fleet = new FleetOverview(store.reader, SYSTEM_CLOCK);
  const event = { time_ms: BEGINS_MS, event_type: 'rollback', release_id: 'rel_1', platform: 'ios' };
  await insert(store.engine, [{ ...event, event_id: '00000000-0000-4000-8000-000000000001', distinct_id: 'a' }]);
  assert.equal((await fleet.release(undefined, 'rel_1', signal)).stats.unique_devices, 1);
  const columns = 'organization_id, project_id, environment, event_id, timestamp, event_type, release_id, distinct_id';
  await store.engine.run(`INSERT INTO penstock.deploy_events (${columns})
SELECT 'o', 'q', 'live', generateUUIDv4(), timestamp, event_type, release_id, 'b' FROM penstock.deploy_events`);
  const { stats, rollback_reasons } = await fleet.release(undefined, 'rel_1', signal);
  assert.deepEqual([stats.unique_devices, stats.rollbacks, rollback_reasons], [2, 2, [{ reason: 'unknown', count: 2 }]]);
  assert.equal((await fleet.release({ ...TENANT, project_id: 'q' }, 'rel_1', signal)).stats.unique_devices, 1);
});

test('a database of an earlier release gets the projections of today, also for its old parts, and lists read them', async (context) => {
  const store = await startStore(context);
  await store.migrateTo(EARLIER_VERSION);
  const events = makeEvents(seededRandom(3), 300);
  await insert(store.engine, events.slice(0, 200));
  await store.migrateTo(DEPLOY_EVENTS.migrations.length);
  await store.migrateTo(DEPLOY_EVENTS.migrations.length);
  await insert(store.engine, events.slice(200));
  const names =
    'SELECT name FROM system.projection_parts WHERE active GROUP BY name HAVING sum(parent_rows) = (SELECT count() FROM penstock.deploy_events)';
  await until('all parts have the projections of today and no others', 30_000, async () => {
    const rows = await store.engine.query<{ name: string }>(`${names} ORDER BY name`);
    return rows.map(({ name }) => name).join() === 'release_day_sketches,release_sketches';
  });
  for (const filter of [{}, { from: '2026-10-31T10:15:00Z' }]) await checkAgainstHand(store, events, filter);

  const plans: string[] = [];
  const explained = {
    rows: async (query: Query) => {
      const rows = await store.reader.rows({ ...query, sql: `EXPLAIN ${query.sql}` });
      plans.push(rows.map((row) => String(row['explain'])).join('\n'));
      return query.sql.includes(' AS packed') ? store.reader.rows(query) : [];
    },
  };
  const list = async (filter: Readonly<Record<string, string>>): Promise<void> => {
    const scope = readScope({ tenant: TENANT, query: new Map(Object.entries(filter)) });
    await new ReleaseStatistics(explained).list(scope, { limit: 10, after: undefined }, signal);
  };
  await list({});
  await list({ platform: 'ios' });
  await list({ from: '2026-10-31', to: '2026-11-02' });
  const window = { release_ids: ['rel_1', 'rel_2'], from_s: BEGINS_MS / 1000, to_s: (BEGINS_MS + SPAN_MS) / 1000, step_s: 86_400 };
  const adoption = adoptionStatement(readScope({ tenant: TENANT, query: new Map() }), window);
  await explained.rows({ ...adoption, signal });
  const installs = readAdoption(await store.reader.rows({ ...adoption, signal }), window).releases.map((release) => release.installs);
  const day_of = ({ time_ms }: Event): number => Math.floor((time_ms - BEGINS_MS) / 86_400_000);
  const by_hand = (release_id: string, day: number): number =>
    new Set(
      events
        .filter((event) => event.release_id === release_id && event.event_type === 'apply_success' && day_of(event) === day)
        .map(({ event_id }) => event_id),
    ).size;
  assert.deepEqual(
    installs,
    window.release_ids.map((release_id) => [0, 1, 2, 3, 4].map((day) => by_hand(release_id, day))),
  );
  const read = plans.map((plan) => [...new Set([...plan.matchAll(/ReadFromMergeTree \(([^)]*)\)/g)].map(([, name]) => name))]);
  const [all, days] = ['release_sketches', 'release_day_sketches'].map((name) => [name]);
  assert.deepEqual(read, [all, all, all, all, days, days, days], 'each list asks for its page first');
});

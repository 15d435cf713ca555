import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Query, Row } from '../../../src/contract/query.ts';
import { FleetOverview } from '../../../src/read/fleet_overview.ts';
import { adoptionWindow, readAdoption } from '../../../src/read/release_adoption.ts';
import type { ListedRelease } from '../../../src/read/release_list.ts';

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const { signal } = new AbortController();

function listed(release_id: string, seen_ms_ago: number, installs = 1): ListedRelease {
  const first_seen = new Date(NOW_MS - seen_ms_ago).toISOString();
  const stats = { downloads: 1, installs, rollbacks: 0, crashes: 0, unique_devices: 1, crash_rate: 0, rollback_rate: 0 };
  return { release_id, bundle_label: null, first_seen, last_seen: first_seen, stats };
}

/** Answers each statement by the first answer whose pattern it matches. */
function overview(answers: readonly (readonly [RegExp, readonly Row[]])[], asked: Omit<Query, 'signal'>[] = []): FleetOverview {
  const rows = async (query: Query): Promise<readonly Row[]> => {
    asked.push(query);
    return answers.find(([pattern]) => pattern.test(query.sql))?.[1] ?? [];
  };
  return new FleetOverview({ rows }, { nowMs: () => NOW_MS });
}

test('a table that is not there yet has nothing to show and is not asked', async () => {
  const asked: Query[] = [];
  const fleet = overview([[/^EXISTS/, [{ result: 0 }]]], asked);
  assert.deepEqual(await fleet.deployments(signal), { deployments: [] });
  assert.deepEqual(await fleet.webhooks(signal), { days: 7, types: [] });
  assert.ok(asked.every(({ sql }) => sql.startsWith('EXISTS TABLE {database}.')));
});

test('an environment runs what was last completed there, whatever came after', async () => {
  const row = {
    organization_id: 'o',
    product_name: 'shop',
    environment_name: 'production',
    running_version: '1.0',
    running_ms: NOW_MS,
    latest_version: '1.1',
    latest_status: 'failed',
    latest_ms: NOW_MS,
  };
  const never = { ...row, environment_name: 'staging', running_version: '', running_ms: 0 };
  const fleet = overview([
    [/^EXISTS/, [{ result: 1 }]],
    [/deployment_events/, [row, never]],
  ]);
  const { deployments } = await fleet.deployments(signal);
  assert.deepEqual(deployments[0]?.running, { version: '1.0', since: '2026-11-21T12:00:00.000Z' });
  assert.deepEqual(deployments[0]?.latest, { version: '1.1', status: 'failed', at: '2026-11-21T12:00:00.000Z' });
  assert.equal(deployments[1]?.running, null);
});

test('no name of a tenant or a release enters the text of a statement', async () => {
  const asked: Query[] = [];
  const name = "x' OR 1=1 --";
  const project = { organization_id: name, project_id: name, environment: name };
  const listed_row = { release_id: name, first_seen_ms: NOW_MS, last_seen_ms: NOW_MS, installs: [1, 0] };
  const page: readonly Row[] = [{ packed: Buffer.from(name).toString('base64') }];
  const fleet = overview(
    [
      [/ AS packed FROM/, page],
      [/bundle_label/, [listed_row]],
    ],
    asked,
  );
  await fleet.releases(project, signal);
  await fleet.release(project, name, signal);
  assert.ok(asked.length >= 4 && asked.every(({ sql }) => !sql.includes('OR 1=1')));
  assert.ok(asked.some(({ parameters }) => parameters['release_0'] === name));
});

test('a release of one tenant is asked for by its name though nobody named it, and one of several by all of theirs', async () => {
  const row = { organization_id: 'o', project_id: 'p', environment: 'live', first_ms: NOW_MS, last_ms: NOW_MS };
  const further = async (rows: readonly Row[]): Promise<Omit<Query, 'signal'>[]> => {
    const asked: Query[] = [];
    await overview([[/AS first_ms/, rows]], asked).release(undefined, 'r', signal);
    return asked.slice(1);
  };
  const [one] = await further([row]);
  assert.match(one?.sql ?? '', /release_key = sipHash128/);
  assert.deepEqual(one?.parameters, { organization_id: 'o', project_id: 'p', environment: 'live', release_id: 'r' });
  const [several] = await further([row, { ...row, project_id: 'q' }]);
  assert.match(several?.sql ?? '', /WHERE \(organization_id, project_id, environment\) IN \(SELECT/);
  assert.deepEqual(several?.parameters, { release_id: 'r' });
});

test('adoption begins when the first of the shown releases was seen, in round steps that fit a chart', () => {
  const day_ms = 86_400_000;
  const window = adoptionWindow([listed('new', 60_000), listed('old', 3 * day_ms, 7), listed('idle', 9 * day_ms, 0)], NOW_MS);
  assert.deepEqual(window.release_ids, ['old', 'new']);
  assert.equal(window.step_s, 3600);
  assert.equal(window.from_s, NOW_MS / 1000 - 3 * 86_400);
  const oldest = adoptionWindow([listed('ancient', 900 * day_ms)], NOW_MS);
  assert.deepEqual([oldest.step_s, oldest.from_s], [86_400, Date.UTC(2026, 9, 22) / 1000]);
  assert.deepEqual(adoptionWindow([], NOW_MS).release_ids, []);
  // From then on by the day, which a projection knows.
  assert.equal(adoptionWindow([listed('a', 4 * day_ms)], NOW_MS).step_s, 3600);
  assert.equal(adoptionWindow([listed('a', 4 * day_ms + 1000)], NOW_MS).step_s, 86_400);
});

test('a step without an install is a zero, and no release is an empty chart', () => {
  const window = { release_ids: ['a'], from_s: 100, to_s: 121, step_s: 10 };
  assert.deepEqual(readAdoption([{ release_id: 'a', starts_s: 110, installs: 4 }], window), {
    step_s: 10,
    times_s: [100, 110, 120],
    releases: [{ release_id: 'a', installs: [0, 4, 0] }],
  });
  const days = { release_ids: ['a'], from_s: 0, to_s: 86_400, step_s: 86_400 };
  assert.deepEqual(readAdoption([{ release_id: 'a', starts_s: 86_400, slots: [5, 0] }], days).releases[0]?.installs, [0, 5]);
  assert.deepEqual(readAdoption([], { ...window, release_ids: [] }), { step_s: 10, times_s: [], releases: [] });
});

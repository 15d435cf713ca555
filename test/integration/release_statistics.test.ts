/** Release statistics as a client sees them: events in through the front door, figures out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fields, ReleaseReader } from '../support/release_reader.ts';

const PHONE = { platform: 'ios', app_version: '1.2.0', os_version: '17.4', device_model: 'iPhone15,2' };
const ZEROS = { downloads: 0, installs: 0, rollbacks: 0, crashes: 0, unique_devices: 0, crash_rate: null, rollback_rate: null };

function event(event_type: string, distinct_id: string, more: Fields = {}): Fields {
  return { event_type, release_id: 'rel_1', distinct_id, ...PHONE, ...more };
}

const BATCH: readonly Fields[] = [
  event('download_complete', 'a', { metadata: { download_ms: 100 } }),
  event('download_complete', 'b', { metadata: '{"download_ms":300}', bundle_label: '1.2.0-rc.1' }),
  event('download_complete', 'c', { metadata: { download_ms: 'fast' } }),
  event('apply_success', 'a', { metadata: { first_render_ms: 500 } }),
  event('apply_success', 'c', { metadata: { first_render_ms: null } }),
  event('crash_on_update', 'a', { metadata: { stack_trace: 'at main', first_render_ms: null }, os_version: '18.0' }),
  event('rollback', 'a', { metadata: { reason: 'two_crash_rule', crash_count: 2 } }),
  event('rollback', 'b', { metadata: { reason: 'kill_switch', forced: true }, platform: 'android' }),
  event('rollback', 'd', { platform: 'android', metadata: 'no json' }),
];
const STATS = { downloads: 3, installs: 2, rollbacks: 3, crashes: 1, unique_devices: 4, crash_rate: 1 / 2, rollback_rate: 3 / 4 };

test('what devices report is counted, by release and within it', async (context) => {
  const reader = await ReleaseReader.start(context);
  await context.test('a release without events has zeros and nulls', async () => {
    assert.deepEqual(await reader.release('rel_none'), {
      release_id: 'rel_none',
      bundle_label: null,
      first_seen: null,
      last_seen: null,
      stats: ZEROS,
      by_platform: [],
      by_app_version: [],
      by_os_version: [],
      by_device_model: [],
      rollback_reasons: [],
      first_render_ms: null,
      download_ms: null,
      series: [],
    });
    assert.deepEqual(await reader.list(), []);
  });

  await reader.report(BATCH);
  const [listed, ...more] = await reader.list();
  assert.deepEqual(more, []);
  assert.deepEqual([listed?.release_id, listed?.bundle_label, listed?.stats], ['rel_1', '1.2.0-rc.1', STATS]);

  const release = await reader.release('rel_1', '?interval=minute');
  const { first_seen, last_seen, stats, bundle_label } = release;
  assert.deepEqual([bundle_label, stats, first_seen, last_seen], ['1.2.0-rc.1', STATS, listed?.first_seen, listed?.last_seen]);
  assert.match(first_seen ?? '', /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const ios = { downloads: 3, installs: 2, rollbacks: 1, crashes: 1, unique_devices: 3, crash_rate: 1 / 2, rollback_rate: 1 / 2 };
  const android = { downloads: 0, installs: 0, rollbacks: 2, crashes: 0, unique_devices: 2, crash_rate: null, rollback_rate: 1 };
  assert.deepEqual(release.by_platform, [
    { value: 'ios', ...ios },
    { value: 'android', ...android },
  ]);
  assert.deepEqual(release.by_app_version, [{ value: '1.2.0', ...STATS }]);
  assert.deepEqual(release.by_device_model, [{ value: 'iPhone15,2', ...STATS }]);
  assert.deepEqual(
    release.by_os_version.map(({ value, crashes, unique_devices }) => [value, crashes, unique_devices]),
    [
      ['17.4', 0, 4],
      ['18.0', 1, 1],
    ],
  );
  assert.deepEqual(release.rollback_reasons, [
    { reason: 'kill_switch', count: 1 },
    { reason: 'two_crash_rule', count: 1 },
    { reason: 'unknown', count: 1 },
  ]);
  assert.deepEqual(release.first_render_ms, { p50: 500, p95: 500, p99: 500 });
  assert.deepEqual(release.download_ms, { p50: 200, p95: 290, p99: 298 });
  const { downloads, installs, rollbacks, crashes } = STATS;
  assert.deepEqual(release.series, [{ time: `${first_seen?.slice(0, 16)}:00.000Z`, downloads, installs, rollbacks, crashes }]);

  await context.test('a re-delivery changes no figure of the release, and no count of the list', async () => {
    await reader.report(BATCH);
    await reader.report([...BATCH].slice(0, 4));
    assert.deepEqual(await reader.release('rel_1', '?interval=minute'), release);
    assert.deepEqual((await reader.list())[0]?.stats, STATS);
  });

  await context.test('a platform is asked for alone', async () => {
    assert.deepEqual((await reader.release('rel_1', '?platform=android')).stats, android);
    assert.deepEqual((await reader.list('?platform=android'))[0]?.stats, android);
    assert.deepEqual((await reader.release('rel_1', '?platform=web')).stats, ZEROS);
    assert.deepEqual(await reader.list('?platform=web'), []);
  });

  await context.test('health judges by the same figures', async () => {
    const line = ['health', '--url', reader.daemon.url('/'), '--key', reader.read_key, '--release', 'rel_1'];
    const codes = [
      ['0.5', '4'],
      ['0.49', '4'],
      ['0.5', '5'],
    ].map(
      async ([rate = '', devices = '']) => (await reader.home.command([...line, '--max-crash-rate', rate, '--min-devices', devices])).code,
    );
    assert.deepEqual(await Promise.all(codes), [0, 1, 3]);
  });
});

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { LIVE_SETTINGS, reloadable } from '../../../src/config/reload.ts';
import { SETTINGS } from '../../../src/config/schema.ts';
import { DEFAULTS_PATH, loadGiven } from './loading.ts';

test('an unchanged configuration changes nothing', async () => {
  const previous = (await loadGiven()).config;
  assert.deepEqual(reloadable(previous, (await loadGiven()).config), { config: previous, live: [], restart: [] });
});

test('limits and the log level change live; a port waits for the next start and keeps its value', async () => {
  const previous = (await loadGiven()).config;
  const yaml = 'log: { level: debug }\nhttp: { port: 9000, event_bytes_max: 2 MiB }';
  const { config, live, restart } = reloadable(previous, (await loadGiven({ yaml })).config);
  assert.deepEqual(live, ['log.level', 'http.event_bytes_max']);
  assert.deepEqual(restart, ['http.port']);
  assert.deepEqual([config.log.level, config.http.event_bytes_max, config.http.port], ['debug', 2 * 1024 ** 2, 8080]);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.http));
});

test('every live setting takes its next value, and no other', async () => {
  const previous = (await loadGiven()).config;
  const yaml = [
    'data_dir: /other',
    'log: { level: warn }',
    'http:',
    '  { host: "::1", port: 1, body_bytes_max: 16 MiB, event_bytes_max: 2 MiB, bytes_in_flight_max: 128 MiB, shutdown_ms_max: 1,',
    '    connections_per_address_max: 1, trusted_proxies: [10.0.0.0/8], cors_origins: [https://example.com] }',
    'limits: { events_per_second: 1, bytes_per_second: 1 MiB, burst_seconds: 1, events_per_day: 1, priority_event_types: [x] }',
    'spool: { ack: memory, bytes_max: 1 GiB, reserve_bytes: 1 MiB, free_bytes_min: 1 MiB, priority_watermark: 0.5, seal_rows_max: 1 }',
  ];
  const next = (await loadGiven({ yaml: yaml.join('\n') })).config;
  const { config, live } = reloadable(previous, next);
  assert.deepEqual(new Set(live), LIVE_SETTINGS);
  assert.deepEqual(reloadable(config, previous).live, live);
  assert.deepEqual(reloadable(config, previous).restart, []);
});

test('default.yaml marks exactly the live settings', async () => {
  const yaml = await readFile(DEFAULTS_PATH, 'utf8');
  const marked = new Set<string>();
  let section = '';
  let comment = '';
  for (const line of yaml.split('\n')) {
    section = /^([a-z_]+):$/.exec(line)?.[1] ?? section;
    const name = /^ {2}([a-z_]+):/.exec(line)?.[1];
    if (name !== undefined && comment.includes('(live)')) marked.add(`${section}.${name}`);
    comment = line.trim().startsWith('#') ? comment + line : '';
  }
  assert.deepEqual(marked, LIVE_SETTINGS);
  for (const path of LIVE_SETTINGS) assert.ok(SETTINGS.has(path));
});

import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import type { LedgerFigures } from '../../../src/contract/ledger.ts';
import type { SealedSegment } from '../../../src/contract/segment.ts';
import { createLogger } from '../../../src/ops/logger.ts';
import { Telemetry } from '../../../src/ops/telemetry.ts';
import { SOURCES } from '../../../src/sources/list.ts';
import { ManualClock } from '../../support/manual_clock.ts';

const SEGMENT: SealedSegment = {
  id: '00000000-0000-4000-8000-000000000000',
  table: 'deploy_events',
  month: 202611,
  sequence: 1,
  columns: [],
  rows: 500,
  native_bytes: 1000,
  file_bytes: 1100,
  received_at_ms: 0,
  sealed_at_ms: 0,
  accounts: [],
  tokens: 1,
};
const FAILURE = { at_ms: 0, segment: SEGMENT.id, action: 'retry', in_doubt: true, code: 'ECONNRESET', message: 'the connection broke' };

const FIGURES: LedgerFigures = { received: 9, accepted: 7, rejected: { bad: 2 }, delivered: 4, spooled: 2, dead_lettered: 1 };

const NAMES = { sources: ['deploy_report'], routes: ['/r'], tables: ['deploy_events'] };

function create(names = NAMES): { telemetry: Telemetry; log: () => Record<string, unknown>[] } {
  let text = '';
  const output = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  const telemetry = new Telemetry(createLogger(output, 'info'), new ManualClock(0), names, {
    ingest: () => ({ requests_in_flight: 3, body_bytes_in_flight: 4, stream_connections: 2, slabs_queued: 5, slabs_running: 6 }),
    spool: () => ({
      spool_bytes: 7,
      queued_bytes: 8,
      open_segments: 9,
      unsealed_segments: 10,
      sealed_segments: 11,
      quarantined: 12,
      dead_letters: { deploy_events: 14 },
      spool_bytes_max: 13,
      disk_free_bytes: 14,
      disk_free_bytes_min: 15,
    }),
    ledger: (sources) => ({ ...FIGURES, by_source: Object.fromEntries(sources.map((source) => [source, FIGURES])) }),
    isReady: () => true,
    delivery: () => ({
      segments: 1,
      rows: 2,
      bytes: 3,
      parked_segments: 4,
      lag_ms: 1500,
      clickhouse_up: true,
      clickhouse_disk: { free_bytes: 16, free_bytes_min: 17 },
      lanes: names.tables.map((table) => ({ table, state: 'sending' })),
    }),
  });
  return {
    telemetry,
    log: () =>
      text
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
  };
}

test('what the stages tell is in the scrape, in base units', async () => {
  const { telemetry } = create();
  telemetry.front.requestAnswered('/r', 202, 250, 1000);
  telemetry.dispatch.slabDispatched(3, 3000);
  telemetry.dispatch.eventsCounted(0, 5, { missing_field: 2 });
  telemetry.spooling.synced(2);
  telemetry.spooling.deadLettered(SEGMENT);
  telemetry.spooling.replayed(SEGMENT);
  telemetry.spooling.sealed(SEGMENT, 20);
  telemetry.delivering.inserted(SEGMENT, 30);
  telemetry.delivering.delivered(SEGMENT);
  telemetry.delivering.failed(SEGMENT, FAILURE);
  const claiming = telemetry.claiming('fleet');
  claiming.decided('version_conflict', 20);
  claiming.committed(3, 10);
  const { body, content_type } = await telemetry.scrape();
  assert.match(content_type, /^text\/plain/);
  for (const line of [
    'penstock_http_requests_total{route="/r",status="202"} 1',
    'penstock_ledger_unbalanced 0',
    'penstock_ledger_received_events{source="deploy_report"} 9',
    'penstock_ledger_rejected_events{source="deploy_report"} 2',
    'penstock_ledger_dead_lettered_events{source="deploy_report"} 1',
    'penstock_http_request_duration_seconds_sum{route="/r"} 0.25',
    'penstock_events_accepted_total{source="deploy_report"} 5',
    'penstock_events_rejected_total{source="deploy_report",reason="missing_field"} 2',
    'penstock_spool_sync_duration_seconds_sum 0.002',
    'penstock_spool_segments{state="sealed"} 11',
    'penstock_spool_limit_bytes 13',
    'penstock_dead_lettered_rows_total{table="deploy_events"} 1',
    'penstock_dead_letters_replayed_total{table="deploy_events"} 1',
    'penstock_dead_letters{table="deploy_events"} 14',
    'penstock_delivery_rows_total{table="deploy_events"} 500',
    'penstock_delivery_failures_total{table="deploy_events",action="retry"} 1',
    'penstock_delivery_lag_seconds 1.5',
    'penstock_delivery_state{table="deploy_events",state="sending"} 1',
    'penstock_ready 1',
    'penstock_spool_quarantined_total 12',
    'penstock_clickhouse_up 1',
    'penstock_registry_claims_total{registry="fleet",outcome="version_conflict"} 1',
    'penstock_registry_claim_duration_seconds_sum{registry="fleet"} 0.02',
    'penstock_registry_commit_claims_sum{registry="fleet"} 3',
    'penstock_registry_up{registry="fleet"} 1',
  ]) {
    assert.ok(body.split('\n').includes(line), line);
  }
});

test('what an alert counts is there before it happens, or the first refusals would not seem to be a rise', async () => {
  const { telemetry } = create({ ...NAMES, routes: ['/r/', '/webhooks/w'] });
  const lines = (await telemetry.scrape()).body.split('\n');
  for (const route of ['/r', '/webhooks/w']) {
    assert.ok(lines.includes(`penstock_http_requests_total{route="${route}",status="503"} 0`), route);
  }
});

test('a scrape stays under 500 series with every source, table and route in all kinds of trouble', async () => {
  const many = (count: number, name: string): string[] => Array.from({ length: count }, (_, number) => `${name}${number}`);
  const names = {
    sources: SOURCES.map(({ name }) => name),
    tables: SOURCES.flatMap(({ tables }) => tables.map(({ name }) => name)),
    routes: SOURCES.flatMap(({ routes }) => routes.map(({ path }) => path)),
  };
  const { telemetry } = create(names);
  for (const route of names.routes)
    for (const status of [200, 400, 401, 413, 415, 429, 503]) telemetry.front.requestAnswered(route, status, 1, 1);
  for (const route of many(8, '/read')) for (const status of [200, 400, 401, 503]) telemetry.front.requestAnswered(route, status, 1, 0);
  for (const route of ['/livez', '/readyz']) for (const status of [200, 503]) telemetry.front.requestAnswered(route, status, 0, 0);
  for (const source of names.sources.keys()) {
    telemetry.dispatch.eventsCounted(source, 1, Object.fromEntries(many(8, 'reason').map((reason) => [reason, 1])));
  }
  for (const table of names.tables) {
    const segment = { ...SEGMENT, table };
    telemetry.spooling.sealed(segment, 1);
    telemetry.spooling.deadLettered(segment);
    telemetry.delivering.inserted(segment, 1);
    telemetry.delivering.delivered(segment);
    for (const action of ['retry', 'pause']) telemetry.delivering.failed(segment, { ...FAILURE, action });
  }
  for (const registry of ['local', 'fleet'] as const) {
    for (const outcome of many(5, 'outcome')) telemetry.claiming(registry).decided(outcome, 1);
    telemetry.claiming(registry).committed(1, 1);
    telemetry.claiming(registry).failed(new Error('away'));
  }
  for (const type of many(18, 'type'))
    for (const kind of ['missing_field', 'bad_time'] as const) telemetry.dispatch.eventDeviated(2, { type, kind, reason: '' });
  for (const incident of many(10, 'incident')) telemetry.spooling.incident(incident, {});
  const series = (await telemetry.scrape()).body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.ok(series.length <= 500, `${series.length} series`);
});

test('every metric is ours, has a help text, and is named after the conventions', async () => {
  const { telemetry } = create();
  const { body } = await telemetry.scrape();
  const types = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({ name, type }));
  assert.ok(types.length > 30);
  for (const { name, type } of types) {
    assert.match(name, /^penstock_[a-z0-9_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.doesNotMatch(name, /_(ms|milliseconds|kilobytes|mb)(_|$)/);
    assert.match(body, new RegExp(`^# HELP ${name} \\S`, 'm'));
  }
});

test('a registry that goes away and comes back is one line each, however many requests meet it', async () => {
  const { telemetry, log } = create();
  const claiming = telemetry.claiming('fleet');
  for (let request = 0; request < 3; request++) claiming.failed(new Error('connection refused'));
  assert.match((await telemetry.scrape()).body, /^penstock_registry_up\{registry="fleet"\} 0$/m);
  for (let commit = 0; commit < 3; commit++) claiming.committed(1, 1);
  const lines = log().map(({ event, registry, reason }) => ({ event, registry, reason }));
  assert.deepEqual(lines, [
    { event: 'registry_away', registry: 'fleet', reason: 'connection refused' },
    { event: 'registry_back', registry: 'fleet', reason: undefined },
  ]);
});

test('troubles are in the log as events with fields', () => {
  const { telemetry, log } = create();
  telemetry.delivering.failed(SEGMENT, FAILURE);
  telemetry.delivering.stateChanged('deploy_events', 'paused', FAILURE);
  telemetry.spooling.incident('disk_unwritable', { reason: 'EIO' });
  telemetry.dispatch.workerDied('out of memory');
  assert.deepEqual(
    log().map(({ level, event }) => `${level} ${event}`),
    ['warn insert_failed', 'error delivery_state', 'error disk_unwritable', 'error worker_died'],
  );
});

test('a secret that reaches the log by mistake is not printed', () => {
  let text = '';
  const output = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  createLogger(output, 'info').info({ key: 'sk_live_secret', password: 'secret', token: 'secret' }, 'mistake');
  assert.doesNotMatch(text, /secret"/);
  assert.match(text, /"event":"mistake"/);
});

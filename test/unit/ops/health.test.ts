import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HealthReadings, readiness } from '../../../src/ops/health.ts';

const WELL: HealthReadings = {
  is_stopping: false,
  spool_problem: undefined,
  spool: { spool_bytes: 0, spool_bytes_max: 100, disk_free_bytes: 50, disk_free_bytes_min: 10 },
  clickhouse: { state: 'up', is_embedded: true, has_answered: true, last_error: undefined, disk: { free_bytes: 9, free_bytes_min: 5 } },
  registry: { is_embedded: true, problem: undefined },
  delivery: { lag_ms: 1500, segments: 2, problem: undefined },
  refused: { parked_segments: 0, parked_reason: undefined, dead_letters: 0 },
};

function reasons(readings: HealthReadings): { status: number; reasons: string[] } {
  const { status, body, headers } = readiness(readings);
  assert.deepEqual(headers, status === 503 ? { 'Retry-After': '5' } : undefined);
  const parsed: { ready: boolean; reasons: string[] } = JSON.parse(body);
  assert.equal(parsed.ready, status === 200);
  return { status, reasons: parsed.reasons };
}

test('ready while events can be acknowledged, and the body says how delivery is', () => {
  const { status, body } = readiness(WELL);
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(body), {
    ready: true,
    reasons: [],
    clickhouse: { state: 'up', embedded: true, last_error: null, disk_free_bytes: 9, disk_free_bytes_min: 5, problem: null },
    spool: { bytes: 0, bytes_max: 100, disk_free_bytes: 50, disk_free_bytes_min: 10 },
    registry: { embedded: true, problem: null },
    delivery: { lag_seconds: 1.5, backlog_segments: 2, problem: null },
    refused: { dead_letters: 0, parked_segments: 0, parked_reason: null },
  });
});

test('what ClickHouse refused does not make us unready, and stands in the body', () => {
  const refused = { parked_segments: 2, parked_reason: 'memory limit exceeded', dead_letters: 3 };
  const { status, body } = readiness({ ...WELL, refused });
  assert.equal(status, 200);
  const parsed: { refused: unknown } = JSON.parse(body);
  assert.deepEqual(parsed.refused, refused);
});

test('a ClickHouse elsewhere that is away does not make us unready; an embedded one that never answered does', () => {
  const away = { state: 'down', has_answered: false, last_error: 'ECONNREFUSED', disk: undefined } as const;
  assert.equal(reasons({ ...WELL, clickhouse: { ...away, is_embedded: false } }).status, 200);
  assert.equal(reasons({ ...WELL, clickhouse: { ...away, is_embedded: true } }).status, 503);
  assert.equal(reasons({ ...WELL, clickhouse: { ...WELL.clickhouse, state: 'down' } }).status, 200);
});

test('a spool that cannot be written and a shutdown are reasons, in words', () => {
  const { status, reasons: given } = reasons({ ...WELL, is_stopping: true, spool_problem: 'The spool is full.' });
  assert.equal(status, 503);
  assert.deepEqual(given, ['The daemon is shutting down.', 'The spool is full.']);
});

test('an embedded ClickHouse whose disk is nearly full does not make us unready, and the body says what to do', () => {
  const clickhouse = { ...WELL.clickhouse, disk: { free_bytes: 4, free_bytes_min: 5 } };
  const { status, body } = readiness({ ...WELL, clickhouse });
  assert.equal(status, 200);
  assert.match(body, /The disk has 4 bytes free, and below 5 .* events wait in the spool/);
});

test('a registry that is away is told, and does not end readiness: other events are acknowledged', () => {
  const { status, body } = readiness({ ...WELL, registry: { is_embedded: false, problem: 'It cannot be reached.' } });
  assert.equal(status, 200);
  const { registry }: { registry: unknown } = JSON.parse(body);
  assert.deepEqual(registry, { embedded: false, problem: 'It cannot be reached.' });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyLimits } from '../../../../src/contract/rate.ts';
import type { KeyMeter } from '../../../../src/pipeline/admission/key_meter.ts';
import { KeyMeters } from '../../../../src/pipeline/admission/key_meters.ts';
import type { KeyRecord } from '../../../../src/pipeline/admission/key_record.ts';
import { ManualClock } from '../../../support/manual_clock.ts';

const NONE: KeyLimits = { events_per_second: 0, bytes_per_second: 0, burst_seconds: 2, events_per_day: 0 };
const DAY_MS = 86_400_000;
const START_MS = 20_000 * DAY_MS + DAY_MS / 2;

function record(more: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id: 'key_1',
    name: '',
    use: 'deploy',
    organization_id: 'o',
    project_id: '',
    environment: 'live',
    sha256: '0'.repeat(64),
    created_at: '',
    revoked_at: null,
    ...more,
  };
}

function makeMeters(defaults: Partial<KeyLimits>, ...records: KeyRecord[]): { meters: KeyMeters; clock: ManualClock; meter: KeyMeter } {
  const clock = new ManualClock(START_MS);
  const meters = new KeyMeters({ clock, random: { fraction: () => 0, uuid: () => '' } }, { ...NONE, ...defaults });
  meters.replace(records);
  const meter = meters.of('key_1');
  assert.ok(meter !== undefined);
  return { meters, clock, meter };
}

test('a key sends its burst at once, then waits, then sends at its rate', () => {
  const { meter, clock } = makeMeters({ events_per_second: 100 }, record());
  meter.chargeEvents(199);
  assert.equal(meter.refusal(), undefined);
  meter.chargeEvents(101);
  const refusal = { code: 'rate_limited', limit: 100, unit: 'events per second', reset_s: 2, retry_after_s: 2 };
  assert.deepEqual(meter.refusal(), refusal);
  clock.advance(refusal.retry_after_s * 1000);
  assert.equal(meter.refusal(), undefined);
  let sent = 0;
  for (let tick = 0; tick < 1000; tick++) {
    clock.advance(10);
    if (meter.refusal() !== undefined) continue;
    meter.chargeEvents(7);
    sent += 7;
  }
  assert.ok(Math.abs(sent - 1000 - 100) <= 110, String(sent));
});

test('a batch goes through as a whole and leaves a debt that the next request waits for', () => {
  const { meter } = makeMeters({ bytes_per_second: 1000 }, record());
  assert.equal(meter.refusal(), undefined);
  meter.chargeBytes(12_000);
  assert.deepEqual(meter.refusal(), { code: 'rate_limited', limit: 1000, unit: 'bytes per second', reset_s: 11, retry_after_s: 11 });
});

test('an idle key saves up no more than its burst', () => {
  const { meter, clock } = makeMeters({ events_per_second: 10 }, record());
  clock.advance(1_000_000);
  meter.chargeEvents(20);
  assert.equal(meter.refusal()?.code, 'rate_limited');
});

test('a quota holds until midnight UTC', () => {
  const { meter, clock } = makeMeters({ events_per_day: 100 }, record());
  meter.chargeEvents(99);
  assert.equal(meter.refusal(), undefined);
  meter.chargeEvents(1);
  const refusal = meter.refusal();
  assert.deepEqual(
    [refusal?.code, refusal?.limit, refusal?.unit, refusal?.reset_s],
    ['quota_exceeded', 100, 'events per day', DAY_MS / 2000],
  );
  clock.advance(DAY_MS / 2 - 1);
  assert.equal(meter.refusal()?.code, 'quota_exceeded');
  clock.advance(1);
  assert.equal(meter.refusal(), undefined);
});

test('those who are refused together come back spread out', () => {
  const clock = new ManualClock(START_MS);
  const meters = new KeyMeters({ clock, random: { fraction: () => 0.999, uuid: () => '' } }, { ...NONE, events_per_second: 1 });
  meters.replace([record()]);
  meters.of('key_1')?.chargeEvents(12);
  const refusal = meters.of('key_1')?.refusal();
  assert.deepEqual([refusal?.reset_s, refusal?.retry_after_s], [11, 21]);
});

test('a key has its own limits in place of the defaults, one by one, and zero lifts one', () => {
  const own = record({ limits: { events_per_second: 5 } });
  const { meter } = makeMeters({ events_per_second: 100, burst_seconds: 1 }, own);
  meter.chargeEvents(6);
  assert.equal(meter.refusal()?.limit, 5);
  const { meters } = makeMeters({ events_per_second: 100 }, record(), record({ id: 'key_2', limits: { events_per_second: 0 } }));
  assert.equal(meters.of('key_2'), undefined);
});

test('only keys that bring events in bulk have limits, and only as long as they count', () => {
  const others = [
    record({ id: 'webhook', use: 'webhook' }),
    record({ id: 'read', use: 'read' }),
    record({ id: 'revoked', revoked_at: '2026-01-01' }),
  ];
  const { meters } = makeMeters({ events_per_second: 1 }, record(), record({ id: 'events', use: 'events' }), ...others);
  const metered = ['key_1', 'events', 'webhook', 'read', 'revoked'].filter((id) => meters.of(id) !== undefined);
  assert.deepEqual(metered, ['key_1', 'events']);
});

test('a change of limits keeps debts and counts; a key that is gone takes its meter along', () => {
  const { meters, meter } = makeMeters({ events_per_second: 10, events_per_day: 1000 }, record());
  meter.chargeEvents(60);
  meters.replace([record({ limits: { events_per_second: 20 } })]);
  assert.equal(meters.of('key_1'), meter);
  assert.equal(meter.refusal()?.reset_s, 3);
  meters.setDefaults({ ...NONE, events_per_day: 60 });
  meters.replace([record()]);
  assert.equal(meter.refusal()?.code, 'quota_exceeded');
  meters.replace([]);
  assert.equal(meters.of('key_1'), undefined);
});

test('what a day has counted goes on after a restart on the same day, and is forgotten on the next', () => {
  const { meters, meter } = makeMeters({ events_per_day: 100 }, record());
  meter.chargeEvents(70);
  assert.deepEqual(meters.counts(), { day: 20_000, events: { key_1: 70 } });
  for (const [later_ms, left] of [
    [0, 30],
    [DAY_MS, 100],
  ] as const) {
    const next = new KeyMeters(
      { clock: new ManualClock(START_MS + later_ms), random: { fraction: () => 0, uuid: () => '' } },
      { ...NONE, events_per_day: 100 },
    );
    next.restore(meters.counts());
    next.replace([record()]);
    next.of('key_1')?.chargeEvents(left - 1);
    assert.equal(next.of('key_1')?.refusal(), undefined);
    next.of('key_1')?.chargeEvents(1);
    assert.equal(next.of('key_1')?.refusal()?.code, 'quota_exceeded');
  }
});

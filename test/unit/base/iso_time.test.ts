import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIsoTime } from '../../../src/base/iso_time.ts';

const DAY = Date.UTC(2018, 0, 16);
const TIME = DAY + 8 * 3_600_000 + 18 * 60_000;

test('dates and times with and without fraction and zone are read', () => {
  const times: readonly (readonly [string, number])[] = [
    ['2018-01-16', DAY],
    ['2018-01-16T08:18Z', TIME],
    ['2018-01-16T08:18:25Z', TIME + 25_000],
    ['2018-01-16T08:18:25.411Z', TIME + 25_411],
    ['2018-01-16t08:18:25.4z', TIME + 25_400],
    ['2018-01-16 08:18:25,411999999+00:00', TIME + 25_411],
    ['2018-01-16T08:18:25.411', TIME + 25_411],
    ['2018-01-16T08:18:60Z', TIME + 60_000],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ];
  for (const [text, time_ms] of times) assert.equal(parseIsoTime(text), time_ms, text);
});

test('zones shift the time, beyond eleven hours too', () => {
  const hour_ms = 3_600_000;
  for (const [zone, hours] of [
    ['+14:00', -14],
    ['-12:00', 12],
    ['+0545', -5.75],
    ['-03', 3],
    ['+13:45', -13.75],
  ] as const) {
    assert.equal(parseIsoTime(`2018-01-16T08:18:00${zone}`), TIME + hours * hour_ms, zone);
  }
});

test('what is no such time is none', () => {
  for (const text of [
    '',
    'yesterday',
    '1516090705411',
    '2018-1-16',
    '2018-13-01',
    '2018-02-29',
    '2018-01-16T24:00:00Z',
    '2018-01-16T08:60:00Z',
    '2018-01-16T08:18:61Z',
    '2018-01-16T08:18:25+24:00',
    '2018-01-16T08:18:25 Z',
    '2018-01-16Z',
    ' 2018-01-16',
    '2018-01-16T08:18:25.Z',
    '+012018-01-16T08:18:25Z',
    'Tue, 16 Jan 2018 08:18:25 GMT',
  ]) {
    assert.equal(parseIsoTime(text), undefined, text);
  }
});

test('a time in the usual form is read as Date reads it, and at its edges as the other forms are', () => {
  const start_ms = Date.UTC(1999, 10, 30, 23, 59, 59, 999);
  for (let step = 0; step < 3000; step++) {
    const time_ms = start_ms + step * 86_461_007 * 3;
    assert.equal(parseIsoTime(new Date(time_ms).toISOString()), time_ms);
  }
  assert.equal(parseIsoTime('2018-01-16T08:18:60.001Z'), TIME + 60_001);
  assert.equal(parseIsoTime('0050-01-01T00:00:00.000Z'), -60_589_296_000_000);
  for (const text of ['2018-02-29T00:00:00.000Z', '2018-00-10T00:00:00.000Z', '2018-01-00T00:00:00.000Z', '2018-01-10T24:00:00.000Z']) {
    assert.equal(parseIsoTime(text), undefined, text);
  }
});

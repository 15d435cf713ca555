import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../../../src/contract/errors.ts';
import { readChoice, readInteger, readText, readTime } from '../../../src/read/parameters.ts';

const values = (value: string): Map<string, string> => new Map([['name', value]]);
const refusal = (error: unknown): boolean =>
  error instanceof OperatingError && error.code === 'parameter_invalid' && error.message.startsWith('The parameter "name" is not valid: ');

test('a time is an ISO date, or a date with a time, in UTC unless it names a zone', () => {
  const at = (text: string): string => new Date(readTime(values(text), 'name') ?? 0).toISOString();
  assert.equal(at('2026-11-21'), '2026-11-21T00:00:00.000Z');
  assert.equal(at('2026-11-21T10:20'), '2026-11-21T10:20:00.000Z');
  assert.equal(at('2026-11-21 10:20:30'), '2026-11-21T10:20:30.000Z');
  assert.equal(at('2026-11-21T10:20:30.5Z'), '2026-11-21T10:20:30.500Z');
  assert.equal(at('2026-11-21t10:20:30.123456z'), '2026-11-21T10:20:30.123Z');
  assert.equal(at('2026-11-21T10:20:30+02:00'), '2026-11-21T08:20:30.000Z');
  assert.equal(at('2026-11-21T10:20:30-0130'), '2026-11-21T11:50:30.000Z');
  assert.equal(at('2024-02-29'), '2024-02-29T00:00:00.000Z');
  assert.equal(readTime(new Map(), 'name'), undefined);
});

test('what is no time is refused by name, a day that no month has too', () => {
  const wrong = [
    '',
    'now',
    '2026',
    '2026-11',
    '2026-02-29',
    '2026-04-31',
    '2026-00-01',
    '2026-11-21T',
    '2026-11-21T24:01',
    '2026-11-21T10:60',
  ];
  const far = ['1969-12-31', '2201-01-01', '1767225600000', '+002026-11-21', '2026-11-21Z', ' 2026-11-21', '2026-11-21T10:20:30+25:00'];
  for (const text of [...wrong, ...far]) assert.throws(() => readTime(values(text), 'name'), refusal, text);
});

test('a number is whole and within its bounds', () => {
  assert.equal(readInteger(new Map(), 'name', 100, 1, 1000), 100);
  for (const [text, value] of [
    ['1', 1],
    ['1000', 1000],
    ['007', 7],
  ] as const)
    assert.equal(readInteger(values(text), 'name', 100, 1, 1000), value);
  for (const text of ['0', '1001', '-1', '+1', '1.0', '1e2', '', ' 1', '0x1', 'NaN', '9'.repeat(400)]) {
    assert.throws(() => readInteger(values(text), 'name', 100, 1, 1000), refusal, text);
  }
});

test('a choice is one of what is allowed, a text has so many code points', () => {
  assert.equal(readChoice(values('hour'), 'name', ['minute', 'hour']), 'hour');
  assert.equal(readChoice(new Map(), 'name', ['minute', 'hour']), undefined);
  for (const text of ['', 'Hour', 'week']) assert.throws(() => readChoice(values(text), 'name', ['minute', 'hour']), refusal, text);
  assert.equal(readText(values('😀😀'), 'name', 2), '😀😀');
  assert.equal(readText(new Map(), 'name', 2), undefined);
  for (const text of ['', 'abc']) assert.throws(() => readText(values(text), 'name', 2), refusal, text);
});

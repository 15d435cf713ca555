import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KernelReader, type Reading } from '../../support/kernel_reading.ts';

const EVENT_BYTES_MAX = 1000;
const EVENT = '{"event_type":"rollback","release_id":"r","distinct_id":"d","metadata":"{\\"a\\":1}"}';

function read(body: string, way?: 'read' | 'readLines'): Reading {
  return new KernelReader(EVENT_BYTES_MAX).read(body, way);
}

test('an event that is invalid or surprising is left to the host alone, and the kernel goes on behind it', () => {
  const odd = [
    '7',
    '{}',
    '{"event_type":"unknown","release_id":"r","distinct_id":"d"}',
    '{"event_type":"rollback","release_id":"r"}',
    EVENT.replace('"d"', '"d","event_id":"\\u0061"'),
    EVENT.replace('"d"', '"d","event_id":"x","event_id":"x"'),
    EVENT.replace('"d"', '"d","distinct_id":"e"'),
    EVENT.replace('"d"', '"d","\\u0061":1'),
    EVENT.replace('{\\"a\\":1}', '{\\"a.b\\":1}'),
    EVENT.replace('"d"', `"${'d'.repeat(EVENT_BYTES_MAX)}"`),
  ];
  const events = odd.flatMap((event) => [EVENT, event]);
  assert.deepEqual(read(`{"events":[${events.join()},${EVENT}]}`), { result: 'done', rows: odd.length + 1, left: odd });
});

test('events that their senders have named are the kernel’s own, and so are those whose name is none', () => {
  const names = ['"x"', '"0f8fad5b-d9cd-469f-a165-70867728950e"', '"é"', '""', 'null', '7', '["x"]', '{"a":"x"}', `"${'x'.repeat(500)}"`];
  const events = names.flatMap((name) => [EVENT.replace('"d"', `"d","event_id":${name}`), `{"event_id":${name},${EVENT.slice(1)}`]);
  assert.deepEqual(read(`{"events":[${events.join()}]}`), { result: 'done', rows: events.length, left: [] });
});

test('events in any order of keys, with white space, unknown members and metadata as an object are the kernel’s own', () => {
  const spaced = '{ "distinct_id" : "d" ,\n "release_id" : "r\\u00e9" , "event_type" : "rollback" }';
  const other =
    '{"more":[{"a":[]},1.5e3],"event_type":"rollback","metadata":{"a":{"b":[1,null]}},"platform":null,"release_id":"r","distinct_id":"d"}';
  assert.deepEqual(read(` { "sent" : {} , "events" : [ ${EVENT} , ${spaced} , ${other} ] } `), { result: 'done', rows: 3, left: [] });
});

test('a body that is malformed, or not an object with one array of events, is the host’s as a whole', () => {
  for (const body of [
    '',
    '[]',
    '{}',
    '{"events":7}',
    `{"events":[${EVENT}`,
    `{"events":[${EVENT}]}x`,
    `{"events":[${EVENT}],"events":[]}`,
  ]) {
    assert.equal(read(body).result, 'body', body);
  }
});

test('of lines each one is judged for itself: blank ones are nothing, and none can reach into the next', () => {
  const odd = ['7', '{', EVENT.slice(0, 40), `${EVENT}x`, `${EVENT},${EVENT}`, '"a\u0001b"', '}'];
  const lines = odd.flatMap((line) => [EVENT, line, '', ' \t\r', ` ${EVENT} \r`]);
  const expected = { result: 'done', rows: 2 * odd.length, left: odd };
  assert.deepEqual(read(lines.join('\n'), 'readLines'), expected);
  assert.deepEqual(read(`${lines.join('\n')}\n`, 'readLines'), expected);
  assert.deepEqual(read('', 'readLines'), { result: 'done', rows: 0, left: [] });
  assert.deepEqual(read(EVENT.replaceAll(',', ',\n'), 'readLines').rows, 0);
});

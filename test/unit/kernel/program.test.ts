import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeOf } from '../../../src/base/schema.ts';
import type { JsonSchema } from '../../../src/contract/source.ts';
import { compileProgram } from '../../../src/kernel/program.ts';
import { DEPLOY_REPORT } from '../../../src/sources/deploy_report/source.ts';
import { KernelReader } from '../../support/kernel_reading.ts';

const EVENT_BYTES_MAX = 1000;
const { schema, plan, tables } = DEPLOY_REPORT;
const [table] = tables;

function compiles(changed: JsonSchema): boolean {
  assert.ok(plan);
  return compileProgram(changed, plan, table, 0) !== undefined;
}

function withProperty(name: string, rules: unknown): JsonSchema {
  const { properties } = schema;
  assert.ok(typeof properties === 'object');
  return { ...schema, properties: { ...properties, [name]: rules } };
}

test('a source with a plan has a program', () => {
  assert.equal(compiles(schema), true);
});

test('a schema with a rule that the kernel does not know has none, so that no event is judged by half of its rules', () => {
  assert.equal(compiles({ ...schema, additionalProperties: false }), false);
  assert.equal(compiles(withProperty('platform', { type: 'string', pattern: '^[a-z]+$' })), false);
  assert.equal(compiles(withProperty('platform', { type: 'integer' })), false);
  assert.equal(compiles(withProperty('platform', { type: ['string', 'null'], enum: ['ios'] })), false);
  assert.equal(compiles(withProperty('a_key_of_more_than_16_bytes', { type: 'string' })), false);
  assert.equal(compiles({ ...schema, required: ['no_such_field'] }), false);
});

test('a field may be in the schema without having a column', () => {
  assert.equal(compiles(withProperty('extra', { type: 'string', maxLength: 5 })), true);
});

test('texts have as many characters as the schema allows, whatever their bytes', () => {
  for (const [least, most] of [
    [0, 0],
    [1, 20],
    [3, 20],
    [40, 41],
    [100, 300],
  ]) {
    const changed = withProperty('release_id', { type: 'string', minLength: least, maxLength: most });
    const reader = new KernelReader(EVENT_BYTES_MAX, changed);
    const validate = judgeOf({ ...changed });
    for (let length = 0; length <= 302; length++) {
      for (const piece of ['x', 'é', '😀']) {
        const event = `{"event_type":"rollback","release_id":"${piece.repeat(length)}","distinct_id":"d"}`;
        if (Buffer.byteLength(event) > EVENT_BYTES_MAX) continue;
        const { rows } = reader.read(`{"events":[${event}]}`);
        assert.equal(rows === 1, validate(JSON.parse(event)), `${least} to ${most}: ${length} of ${piece}`);
      }
    }
  }
});

test('keys of every length are found, before texts and before other values, with and without spaces', () => {
  for (let length = 1; length <= 16; length++) {
    const key = 'k'.repeat(length);
    const text_reader = new KernelReader(EVENT_BYTES_MAX, withProperty(key, { type: ['string', 'null'], maxLength: 3 }));
    for (const [value, rows] of [
      [':"abc"', 4],
      [' : "abc"', 4],
      [':null', 4],
      [':"abcd"', 0],
      [':7', 0],
    ] as const) {
      const event = `{"event_type":"rollback","${key}"${value},"release_id":"r","distinct_id":"d"}`;
      const read = text_reader.read(`{"events":[${event},${event},${event},${event}]}`);
      assert.equal(read.rows, rows, event);
    }
  }
});

test('numbers, integers and booleans are checked where a schema has them, as AJV does', () => {
  const values = [
    '0',
    '-0',
    '7',
    '-12',
    '1.5',
    '1.0',
    '-0.25',
    '01',
    '1.',
    '-',
    '+1',
    '1e5',
    '1e400',
    '12345678901234567890',
    'true',
    'false',
    'tru',
  ];
  const texts = [...values, 'null', '"7"', '"true"', '{}', '[1]', ''];
  for (const [type, plain] of [
    ['number', ['0', '7', '-12', '1.5', '1.0']],
    ['integer', ['0', '7', '-12']],
    ['boolean', ['true', 'false']],
    [
      ['null', 'boolean'],
      ['null', 'true'],
    ],
    [
      ['integer', 'null'],
      ['null', '7'],
    ],
  ] as const) {
    const changed = withProperty('count', { type });
    const reader = new KernelReader(EVENT_BYTES_MAX, changed);
    const validate = judgeOf({ ...changed });
    for (const text of texts) {
      const event = `{"count":${text},"event_type":"rollback","release_id":"r","distinct_id":"d"}`;
      const { rows } = reader.read(`{"events":[${event}]}`);
      if (rows === 1) assert.equal(validate(JSON.parse(event)), true, `${type}: ${text}`);
      assert.ok(rows === 1 || !plain.some((value) => value === text), `${type}: ${text} is plain`);
    }
  }
  assert.equal(compiles(withProperty('count', { type: 'integer', minimum: 1 })), false);
  assert.equal(compiles(withProperty('count', { type: ['integer', 'string'] })), false);
});

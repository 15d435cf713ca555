import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outlineWords } from '../../../../src/pipeline/worker/outline_words.ts';
import { WEBHOOK_SCHEMA, WEBHOOK_TYPES } from '../../../../src/sources/crash_webhooks/schema.ts';

test('the words are all texts that a schema lists, wherever it does', () => {
  const schema = {
    type: 'object',
    $defs: { one: { enum: ['a', 'b'] } },
    properties: { enum: { const: 'c' }, list: { type: ['array', 'null'], items: { $ref: '#/$defs/one' } } },
    if: { properties: { x: { not: { enum: ['d'] } } } },
    else: { properties: { y: false } },
    oneOf: [{ required: ['z'], additionalProperties: { const: 'e' } }],
  };
  assert.deepEqual(outlineWords(schema)?.toSorted(), ['a', 'b', 'c', 'd', 'e']);
});

test('a schema that asks for more of a text or a number than whether it is one has none', () => {
  const more = [{ minLength: 1 }, { type: 'integer' }, { minimum: 0 }, { pattern: 'a' }, { enum: [1] }, { const: 'long'.repeat(9) }];
  for (const schema of more) assert.equal(outlineWords({ properties: { deep: { items: schema } } }), undefined, JSON.stringify(schema));
});

test('webhooks have words, their types among them', () => {
  const words = outlineWords(WEBHOOK_SCHEMA);
  assert.ok(words !== undefined && WEBHOOK_TYPES.every((type) => words.includes(type)));
});

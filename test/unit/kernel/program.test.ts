import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from '../../../src/contract/source.ts';
import { compileProgram } from '../../../src/kernel/program.ts';
import { DEPLOY_REPORT } from '../../../src/sources/deploy_report/source.ts';

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

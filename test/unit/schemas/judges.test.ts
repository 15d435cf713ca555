import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { judgeOf, judgePath, SCHEMA_OPTIONS } from '../../../src/base/schema.ts';
import { SCHEMAS } from '../../../src/schemas/list.ts';
import { SOURCES } from '../../../src/sources/list.ts';
import { exampleWebhooks } from '../../support/webhooks.ts';

/** Events of every source, each whole, without each of its members, and with each of them of another type. */
function variedEvents(): unknown[] {
  const bodies = [...SOURCES.flatMap(({ samples }) => samples.map(({ body }) => body)), ...exampleWebhooks().map(({ body }) => body)];
  const parsed: unknown[] = bodies.flatMap((body) => {
    try {
      const value: { events?: unknown[] } = JSON.parse(body);
      return [value, ...(value.events ?? [])];
    } catch {
      return [];
    }
  });
  return parsed.flatMap((value) => {
    if (typeof value !== 'object' || value === null) return [value];
    const members = Object.keys(value);
    return [value, ...members.flatMap((name) => [undefined, null, 7, '', { a: 1 }].map((other) => ({ ...value, [name]: other })))];
  });
}

test('what the build has compiled judges as AJV does, with the same words, by schemas that keep the compiler’s strict rules', () => {
  const events = [...variedEvents(), 7, null, [], {}];
  for (const schema of SCHEMAS) {
    assert.ok(existsSync(judgePath(schema)));
    const [built, reference] = [judgeOf(schema), new Ajv(SCHEMA_OPTIONS).compile(schema)];
    let accepted = 0;
    for (const event of events) {
      const verdict = reference(event);
      assert.equal(built(event), verdict);
      assert.deepEqual(built.errors, reference.errors);
      accepted += Number(verdict);
    }
    if (SOURCES.some((source) => (source.compiled_schemas ?? [source.schema]).includes(schema))) assert.ok(accepted > 0);
  }
});

test('a schema that the build does not know is compiled where it is needed', () => {
  const judge = judgeOf<number>({ type: 'integer', minimum: 3 });
  assert.deepEqual([judge(3), judge(2), judge('3')], [true, false, false]);
});

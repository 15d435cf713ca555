import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tenant } from '../../../../src/contract/tenant.ts';
import { DEPLOY_EVENTS } from '../../../../src/sources/deploy_report/table.ts';
import { blockRows, type Row } from '../../../support/block_rows.ts';
import { createProcessor, createSlab, outcomes, type SlabOptions, TENANT } from '../../../support/slabs.ts';

const EVENT = { event_type: 'apply_success', release_id: 'rel_1', distinct_id: 'device_1' };
const processor = createProcessor();

function rowsOfTexts(bodies: readonly string[], options: SlabOptions = {}): Row[] {
  const slab = createSlab(
    bodies.map((body) => Buffer.from(body)),
    options,
  );
  return blockRows(DEPLOY_EVENTS, processor.process(slab));
}

function rowsOf(events: readonly object[], options: SlabOptions = {}): Row[] {
  return rowsOfTexts([JSON.stringify({ events })], options);
}

function ids(rows: readonly Row[]): string[] {
  return rows.map((row) => String(row['event_id']));
}

/** The reasons for which the one event of a report is rejected. */
function reasons(event: unknown, options: SlabOptions = {}): Record<string, number> {
  return processor.process(createSlab([Buffer.from(JSON.stringify({ events: [event] }))], options)).rejected;
}

test('every field arrives in its column, and what is absent or null is empty', () => {
  const full = { ...EVENT, app_version: '1.2.0', bundle_label: 'b', platform: 'ios', os_version: '17.4', device_model: 'iPhone15,2' };
  const [row, bare] = rowsOf([full, { ...EVENT, platform: null, app_version: undefined, metadata: null }]);
  for (const [field, value] of Object.entries(full)) assert.equal(row[field], value);
  assert.equal(row['metadata'], '{}');
  for (const field of ['app_version', 'bundle_label', 'platform', 'os_version', 'device_model', 'metadata_raw'])
    assert.equal(bare[field], '');
});

test('texts are stored as they were meant: escapes, scripts, control characters, injected SQL', () => {
  const distinct_id = 'é 日本 😀 \u0000 \n\nDROP TABLE deploy_events; "\'`\\';
  const [row] = rowsOf([{ ...EVENT, distinct_id }]);
  assert.equal(row['distinct_id'], distinct_id);
});

test('what a client sends of the server’s own fields is ignored', () => {
  const [row] = rowsOf([{ ...EVENT, timestamp: 1, organization_id: 'x', project_id: 'x', environment: 'x', unknown: [1] }]);
  assert.equal(row['organization_id'], TENANT.organization_id);
  assert.equal(row['environment'], TENANT.environment);
});

test('an event is rejected for the first rule that it breaks', () => {
  assert.deepEqual(reasons('text'), { not_an_object: 1 });
  assert.deepEqual(reasons([EVENT]), { not_an_object: 1 });
  assert.deepEqual(reasons({ ...EVENT, event_type: undefined }), { missing_field: 1 });
  assert.deepEqual(reasons({ ...EVENT, event_type: 'APPLY_SUCCESS' }), { unknown_value: 1 });
  assert.deepEqual(reasons({ ...EVENT, release_id: '' }), { empty_field: 1 });
  assert.deepEqual(reasons({ ...EVENT, release_id: null }), { wrong_type: 1 });
  assert.deepEqual(reasons({ ...EVENT, distinct_id: 5 }), { wrong_type: 1 });
  assert.deepEqual(reasons({ ...EVENT, distinct_id: 'd'.repeat(257) }), { too_long: 1 });
  assert.deepEqual(reasons({ ...EVENT, os_version: 17.4 }), { wrong_type: 1 });
  assert.deepEqual(reasons({ ...EVENT, metadata: 'm'.repeat(2000) }, { event_bytes_max: 1024 }), { event_too_large: 1 });
});

test('lengths are counted in code points', () => {
  assert.deepEqual(reasons({ ...EVENT, distinct_id: '😀'.repeat(256) }), {});
  assert.deepEqual(reasons({ ...EVENT, distinct_id: '😀'.repeat(257) }), { too_long: 1 });
});

test('inherited names are plain data', () => {
  const [row] = rowsOfTexts([
    '{"__proto__":{"events":[1]},"events":[{"event_type":"rollback","release_id":"constructor","distinct_id":"__proto__","__proto__":{"platform":"ios"}}]}',
  ]);
  assert.equal(row['release_id'], 'constructor');
  assert.equal(row['platform'], '');
});

test('metadata that is an object, in a string or as it is, is stored as it came', () => {
  const text = '{ "first_render_ms": 820, "big": 9007199254740993 }';
  const [in_string, as_object] = rowsOfTexts([
    JSON.stringify({ events: [{ ...EVENT, metadata: text }] }),
    `{"events":[{"event_type":"apply_success","release_id":"r","distinct_id":"d","metadata":${text}}]}`,
  ]);
  for (const row of [in_string, as_object]) {
    assert.equal(row['metadata'], text);
    assert.equal(row['metadata_raw'], '');
  }
});

test('metadata that is no object, or one that a JSON column cannot take, is kept beside it as it came', () => {
  for (const metadata of ['not json', '', '[1]', '7', '{"a":1', '{"a":1,"a":2}', '{"a":1e400}']) {
    const [row] = rowsOf([{ ...EVENT, metadata }]);
    assert.equal(row['metadata'], '{}');
    assert.equal(row['metadata_raw'], metadata);
  }
  const [array] = rowsOfTexts(['{"events":[{"event_type":"rollback","release_id":"r","distinct_id":"d","metadata":[1, 2]}]}']);
  assert.equal(array['metadata_raw'], '[1, 2]');
});

test('a batch sent again has the identities that it had, also next to others', () => {
  const events = [EVENT, { ...EVENT, distinct_id: 'device_2' }];
  const first = ids(rowsOf(events));
  const body = JSON.stringify({ events });
  assert.deepEqual(ids(rowsOfTexts(['{"events":[]}', body, body])), [...first, ...first]);
});

test('identical events of one batch are different events, in any order the same ones', () => {
  const [first, second, third] = ids(rowsOf([EVENT, EVENT, EVENT]));
  assert.equal(new Set([first, second, third]).size, 3);
  const [again] = ids(rowsOf([EVENT]));
  assert.equal(again, first);
});

test('an identity is scoped to organization, project and environment', () => {
  const tenants: readonly Tenant[] = [
    { organization_id: 'a', project_id: 'b', environment: 'live' },
    { organization_id: 'a', project_id: 'b', environment: 'test' },
    { organization_id: 'a', project_id: 'c', environment: 'live' },
    { organization_id: 'ab', project_id: '', environment: 'live' },
  ];
  const body = JSON.stringify({ events: [EVENT, { ...EVENT, event_id: 'e' }] });
  const rows = rowsOfTexts(
    tenants.map(() => body),
    { tenants, tenant_of: (index) => index },
  );
  assert.equal(new Set(ids(rows)).size, 2 * tenants.length);
  assert.deepEqual(
    rows.map((row) => row['project_id']),
    tenants.flatMap((tenant) => [tenant.project_id, tenant.project_id]),
  );
});

test('a client’s event_id names the event of its device and type, whatever else differs', () => {
  const named = { ...EVENT, event_id: 'e-1' };
  const [first, second] = ids(rowsOf([named, { ...named, platform: 'ios', metadata: { a: 1 } }]));
  assert.equal(first, second);
  const others = [
    { ...named, distinct_id: 'device_2' },
    { ...named, event_type: 'rollback' },
    { ...named, event_id: 'e-2' },
    { ...named, distinct_id: 'device_1a', event_type: 'rollback' },
  ];
  assert.equal(new Set([first, ...ids(rowsOf(others))]).size, 5);
});

test('an event_id that is no text, or empty, is as good as none', () => {
  const [plain] = ids(rowsOf([{ ...EVENT, event_id: 7 }]));
  const [same] = ids(rowsOf([{ ...EVENT, event_id: 7 }]));
  const [empty] = ids(rowsOf([{ ...EVENT, event_id: '' }]));
  assert.equal(plain, same);
  assert.notEqual(plain, empty);
});

test('no byte of one body shows up in the rows of another', () => {
  const canaries = Array.from({ length: 50 }, (_, index) => `canary${index}!`.repeat(1 + (index % 20)));
  const bodies = canaries.map((canary, index) =>
    index % 3 === 2
      ? `{"events":[{"x":"${canary}"`
      : JSON.stringify({ events: [{ ...EVENT, distinct_id: canary, metadata: `{"c":"${canary}"}` }] }),
  );
  const slab = createSlab(bodies.map((body) => Buffer.from(body)));
  const result = processor.process(slab);
  const rows = blockRows(DEPLOY_EVENTS, result);
  const good = canaries.filter((_, index) => index % 3 !== 2).map((canary) => canary.slice(0, 256));
  assert.equal(outcomes(slab, result).filter((outcome) => 'failed' in outcome).length, canaries.length - good.length);
  for (const [index, row] of rows.entries()) {
    assert.equal(row['distinct_id'], good[index]);
    assert.equal(row['metadata'], `{"c":"${row['distinct_id']}"}`);
  }
});

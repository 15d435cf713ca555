import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeError } from '../../../../src/contract/errors.ts';
import type { SingleOutcome, SlabResult } from '../../../../src/contract/slab.ts';
import { RELEASE_EVENTS } from '../../../../src/sources/release_events/source.ts';
import { BUILD_EVENTS, DEPLOYMENT_EVENTS } from '../../../../src/sources/release_events/tables.ts';
import { blockRows, type Row } from '../../../support/block_rows.ts';
import { createProcessor, createSlab, RECEIVED_AT_MS, type SlabOptions } from '../../../support/slabs.ts';

const DEPLOYMENT = { product_name: 'my-service', version: '1.2.3', environment_name: 'production', status: 'success' };
const BUILD = { product_name: 'my-service', version: '1.2.3', status: 'completed' };
const PIPELINE = {
  scm_branch: 'main',
  scm_sha: 'abc',
  scm_repository: 'r',
  build_url: 'u',
  build_number: '7',
  source_system: 's',
  invoke_id: 'i',
};
const TIME = new Date(RECEIVED_AT_MS).toISOString().replace(/\.\d+Z$/, 'Z');
const PATHS = RELEASE_EVENTS.routes.map(({ path }) => path);

const processor = createProcessor();

function processText(path: string, text: string, options: SlabOptions = {}): SlabResult {
  const route = PATHS.indexOf(path);
  return processor.process(createSlab([Buffer.from(text)], { source: RELEASE_EVENTS, route_of: () => route, ...options }));
}

function outcomeOf(path: string, event: unknown, options: SlabOptions = {}): SingleOutcome {
  return processText(path, typeof event === 'string' ? event : JSON.stringify(event), options).singles[0];
}

function stored(path: string, event: unknown, options: SlabOptions = {}): Extract<SingleOutcome, { kind: 'event' }> {
  const outcome = outcomeOf(path, event, options);
  return outcome.kind === 'event' ? outcome : assert.fail(describeError(outcome.code, outcome.context));
}

function rowOf(path: string, event: unknown): Row {
  const result = processText(path, typeof event === 'string' ? event : JSON.stringify(event));
  const rows = [DEPLOYMENT_EVENTS, BUILD_EVENTS].flatMap((table) => blockRows(table, result));
  assert.equal(rows.length, 1);
  return rows[0];
}

/** What a client is told of a body that is refused. */
function refusal(path: string, event: unknown, options: SlabOptions = {}): string {
  const outcome = outcomeOf(path, event, options);
  return outcome.kind === 'refused' ? describeError(outcome.code, outcome.context) : 'stored';
}

function reasons(path: string, event: unknown, options: SlabOptions = {}): Record<string, number> {
  return processText(path, JSON.stringify(event), options).rejected;
}

test('every field of a deployment arrives in its column', () => {
  const row = rowOf('/deployment-events/', { ...DEPLOYMENT, deployed_by: 'john', ...PIPELINE, extra_metadata: { a: 1 } });
  for (const [field, value] of Object.entries({ ...DEPLOYMENT, ...PIPELINE, deployed_by: 'john', status: 'completed' }))
    assert.equal(row[field], value, field);
  assert.equal(row['deployed_at'], RECEIVED_AT_MS);
  assert.equal(row['event_type'], 'deployment.completed');
  assert.equal(row['status_raw'], 'success');
  assert.equal(row['extra_metadata'], '{"a":1}');
  assert.equal(row['extra_metadata_raw'], '');
  assert.equal(row['id'], row['event_id']);
});

test('every field of a build arrives in its column, and what is absent, null or empty is empty', () => {
  const row = rowOf('/build-events', { ...BUILD, status: 'built', built_by: 'ci', ...PIPELINE });
  for (const [field, value] of Object.entries({ ...BUILD, ...PIPELINE, built_by: 'ci' })) assert.equal(row[field], value, field);
  assert.equal(row['created_at'], RECEIVED_AT_MS);
  assert.equal(row['event_type'], 'build.completed');
  assert.equal(row['status_raw'], 'built');
  const bare = rowOf('/build-events', { ...BUILD, built_by: null, scm_sha: '', extra_metadata: null });
  for (const field of ['built_by', ...Object.keys(PIPELINE), 'extra_metadata_raw']) assert.equal(bare[field], '');
  assert.equal(bare['extra_metadata'], '{}');
});

test('status words mean what the tables of the reference say, each kind its own, case-sensitive', () => {
  const both = {
    completed: ['success', 'completed'],
    failed: ['failed', 'failure', 'error'],
    aborted: ['aborted', 'cancelled', 'skipped'],
    started: ['started', 'in_progress'],
  };
  const words = (path: string, extra: Record<string, readonly string[]>): void => {
    const event = path === '/build-events' ? BUILD : DEPLOYMENT;
    const all = [...Object.entries(both), ...Object.entries(extra)];
    for (const [status, sent] of all)
      for (const word of sent) assert.equal(rowOf(path, { ...event, status: word })['status'], status, `${path} ${word}`);
  };
  words('/deployment-events', { pending: ['pending', 'queued', 'scheduled'], started: ['deploying'], completed: ['deployed'] });
  words('/build-events', { started: ['building'], completed: ['built'] });
  for (const word of ['built', 'building', 'Success', 'finished', ' success'])
    assert.match(refusal('/deployment-events', { ...DEPLOYMENT, status: word }), /^Field 'status' must be one of: pending, queued, /);
  for (const word of ['pending', 'queued', 'scheduled', 'deploying', 'deployed', 'constructor'])
    assert.equal(
      refusal('/build-events', { ...BUILD, status: word }),
      "Field 'status' must be one of: started, in_progress, building, success, completed, built, failed, failure, error, aborted, cancelled, skipped",
    );
});

test('the answer is the stored entity: the documented fields in their order, then the others that were sent', () => {
  const { answer, event_id } = stored('/deployment-events', {
    ...PIPELINE,
    deployed_by: 'john',
    ...DEPLOYMENT,
    unknown: 1,
    extra_metadata: { b: 1 },
  });
  const expected = { ...DEPLOYMENT, status: 'completed', deployed_at: TIME, deployed_by: 'john', ...PIPELINE, extra_metadata: { b: 1 } };
  assert.equal(answer, JSON.stringify({ id: event_id, ...expected }));
  const build = stored('/build-events/', { built_by: '', scm_sha: 'abc', ...BUILD });
  assert.equal(build.answer, JSON.stringify({ id: build.event_id, ...BUILD, created_at: TIME, scm_sha: 'abc' }));
});

test('metadata is stored and answered as it came, also what a JSON column cannot take', () => {
  const event = (metadata: string): string => `{"extra_metadata":${metadata},${JSON.stringify(BUILD).slice(1)}`;
  const fits = '{ "nested": {"a": [1, {"b": null}]}, "big": 9007199254740993 }';
  assert.equal(rowOf('/build-events', event(fits))['extra_metadata'], fits);
  assert.ok(stored('/build-events', event(fits)).answer.endsWith(`,"extra_metadata":${fits}}`));
  for (const text of ['{"a":1,"a":2}', '{"a.b":1,"a":{"b":2}}', '{"a":1e400}', '{"a":"\\ud800"}', '{"a":99999999999999999999}']) {
    const row = rowOf('/build-events', event(text));
    assert.equal(row['extra_metadata'], '{}');
    assert.equal(row['extra_metadata_raw'], text);
    assert.ok(stored('/build-events', event(text)).answer.endsWith(`,"extra_metadata":${text}}`));
  }
});

test('a required field that is missing, null or empty is required; what has the wrong type is named', () => {
  for (const field of Object.keys(DEPLOYMENT)) {
    for (const value of [undefined, null, ''])
      assert.equal(refusal('/deployment-events', { ...DEPLOYMENT, [field]: value }), `Field '${field}' is required`);
    for (const value of [1, true, {}, ['x']])
      assert.equal(refusal('/deployment-events', { ...DEPLOYMENT, [field]: value }), `Field '${field}' must be a string`);
  }
  for (const field of ['deployed_by', ...Object.keys(PIPELINE)])
    assert.equal(refusal('/deployment-events', { ...DEPLOYMENT, [field]: 1 }), `Field '${field}' must be a string`);
  for (const value of ['', 'text', 1, [], [{}]])
    assert.equal(refusal('/build-events', { ...BUILD, extra_metadata: value }), "Field 'extra_metadata' must be an object");
  assert.equal(refusal('/build-events', {}), "Field 'product_name' is required");
  assert.equal(refusal('/build-events', { ...BUILD, environment_name: 1 }), 'stored');
});

test('what is refused is counted by its reason', () => {
  assert.deepEqual(reasons('/build-events', {}), { missing_field: 1 });
  assert.deepEqual(reasons('/build-events', { ...BUILD, version: '' }), { empty_field: 1 });
  assert.deepEqual(reasons('/build-events', { ...BUILD, version: 1 }), { wrong_type: 1 });
  assert.deepEqual(reasons('/build-events', { ...BUILD, status: 'x' }), { unknown_value: 1 });
  assert.deepEqual(reasons('/build-events', { ...BUILD, extra_metadata: { a: 'x'.repeat(99) } }, { event_bytes_max: 64 }), {
    event_too_large: 1,
  });
});

test('an event that is too large is refused by the name of the field that makes it so', () => {
  const options = { event_bytes_max: 200 };
  const long = 'x'.repeat(300);
  assert.equal(
    refusal('/build-events', { ...BUILD, extra_metadata: { long } }, options),
    "Field 'extra_metadata' is larger than 200 bytes",
  );
  assert.equal(refusal('/build-events', { ...BUILD, scm_branch: long }, options), "Field 'scm_branch' is larger than 200 bytes");
  assert.equal(refusal('/build-events', { ...BUILD, ...PIPELINE, a: 1, b: [long] }, options), 'The event is larger than 200 bytes.');
  assert.equal(refusal('/build-events', BUILD, options), 'stored');
});

test('every event claims its version, with its commit where it has one', () => {
  const { product_name, version } = BUILD;
  assert.deepEqual(stored('/build-events', BUILD).claims, [{ of: 'version', product_name, version, scm_sha: '' }]);
  for (const [path, event] of [
    ['/build-events', { ...BUILD, status: 'failed', scm_sha: 'abc' }],
    ['/deployment-events', { ...DEPLOYMENT, scm_sha: 'abc' }],
  ] as const)
    assert.deepEqual(stored(path, event).claims, [{ of: 'version', product_name, version, scm_sha: 'abc' }]);
});

test('an Idempotency-Key is claimed for the kind and the bytes, with or without the last slash', () => {
  const digest = (path: string, event: unknown): string => {
    const [, claim] = stored(path, event, { idempotency_keys: ['k'] }).claims;
    assert.ok(claim?.of === 'idempotency_key' && claim.key === 'k');
    return claim.digest;
  };
  assert.equal(digest('/build-events', DEPLOYMENT), digest('/build-events/', DEPLOYMENT));
  assert.notEqual(digest('/build-events', DEPLOYMENT), digest('/deployment-events', DEPLOYMENT));
  assert.notEqual(digest('/build-events', BUILD), digest('/build-events', { ...BUILD, scm_branch: 'x' }));
  for (const key of ['x'.repeat(256), 'schlüssel', 'tab\t'])
    assert.match(refusal('/build-events', BUILD, { idempotency_keys: [key] }), /^The Idempotency-Key must be/);
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { KeyRequest } from '../../../../src/pipeline/admission/key_rules.ts';
import { makeStore } from './fakes.ts';

const PREFIXES: readonly { request: KeyRequest; begins: string; environment: string }[] = [
  { request: { use: 'deploy', organization_id: 'org_a' }, begins: 'sk_live_', environment: 'live' },
  { request: { use: 'deploy', organization_id: 'org_a', environment: 'test' }, begins: 'sk_test_', environment: 'test' },
  { request: { use: 'events', organization_id: 'org_a' }, begins: 'sk_org_a_k1_', environment: '' },
  { request: { use: 'webhook', organization_id: 'org_a' }, begins: 'whk_', environment: '' },
  { request: { use: 'read', organization_id: 'org_a' }, begins: 'rk_', environment: 'live' },
];
for (const { request, begins, environment } of PREFIXES) {
  test(`a ${request.use} key (${request.environment ?? 'no environment given'}) begins with ${begins}`, async () => {
    const { secret, record } = await makeStore().store.create(request);
    assert.ok(secret.startsWith(begins));
    assert.ok(secret.length >= begins.length + 32, 'too short to be unguessable');
    assert.equal(record.environment, environment);
  });
}

test('only the SHA-256 of a secret is stored', async () => {
  const { store, file } = makeStore();
  const { secret, record } = await store.create({ use: 'deploy', organization_id: 'org_a', project_id: 'proj_a', name: 'phones' });
  assert.ok(!file.text?.includes(secret));
  assert.equal(record.sha256, createHash('sha256').update(secret).digest('hex'));
  assert.deepEqual(await store.list(), [record]);
  assert.match(record.id, /^key_[0-9a-f]{16}$/);
  assert.equal(record.created_at, '2026-01-02T03:04:05.000Z');
});

test('an existing secret is registered as it is, and takes its environment from its prefix when none is given', async () => {
  const { store } = makeStore();
  const { secret, record } = await store.create({ use: 'deploy', organization_id: 'org_a', secret: 'sk_test_in_the_field' });
  assert.deepEqual([secret, record.environment], ['sk_test_in_the_field', 'test']);
  assert.equal((await store.create({ use: 'webhook', organization_id: 'org_a', secret: 'no-known-prefix' })).secret, 'no-known-prefix');
  assert.equal((await store.create({ use: 'events', organization_id: 'live', secret: 'sk_live_k1_abcdef' })).record.use, 'events');
});

const REFUSED: readonly { request: KeyRequest; says: RegExp }[] = [
  {
    request: { use: 'read', organization_id: 'o', secret: 'sk_live_abcdef' },
    says: /prefix is that of a deploy key for live, which contradicts a read key/,
  },
  {
    request: { use: 'deploy', organization_id: 'o', environment: 'live', secret: 'sk_test_abcdef' },
    says: /deploy key for test, which contradicts a deploy key for live/,
  },
  { request: { use: 'deploy', organization_id: 'o', secret: 'whk_abcdef' }, says: /a webhook key/ },
  { request: { use: 'webhook', organization_id: 'o', secret: 'rk_abcdefg' }, says: /a read key/ },
  {
    request: { use: 'events', organization_id: 'o', secret: 'sk_other_k1_abc' },
    says: /events key of organization other, which contradicts an events key of organization o/,
  },
  { request: { use: 'deploy', organization_id: 'o', secret: 'short' }, says: /8 to 256 characters, this one 5/ },
  { request: { use: 'deploy', organization_id: 'o', secret: 'x'.repeat(257) }, says: /this one 257/ },
  { request: { use: 'deploy', organization_id: 'o', secret: 'with a space' }, says: /only letters, digits/ },
  { request: { use: 'deploy', organization_id: '' }, says: /organization "" is not/ },
  { request: { use: 'deploy', organization_id: 'o', project_id: '../p' }, says: /project "\.\.\/p" is not/ },
  { request: { use: 'deploy', organization_id: 'o', name: 'n'.repeat(201) }, says: /name is longer/ },
];
for (const { request, says } of REFUSED) {
  test(`${JSON.stringify(request).slice(0, 120)} is refused as wrong usage`, async () => {
    const { store, file } = makeStore();
    await assert.rejects(store.create(request), { code: 'key_refused', exit: 2, message: says });
    assert.equal(file.text, undefined);
  });
}

test('a secret has one record: registering it again is refused, also after it was revoked', async () => {
  const { store } = makeStore();
  const { record } = await store.create({ use: 'deploy', organization_id: 'org_a', secret: 'sk_live_in_the_field' });
  await store.revoke(record.id);
  const again = store.create({ use: 'deploy', organization_id: 'org_b', secret: 'sk_live_in_the_field' });
  await assert.rejects(again, { code: 'key_exists', message: new RegExp(record.id) });
  assert.equal((await store.list()).length, 1);
});

test('a revoked key stays listed with the moment of its first revocation', async () => {
  const { store, clock } = makeStore();
  const { record } = await store.create({ use: 'read', organization_id: 'org_a' });
  assert.equal((await store.revoke(record.id)).revoked_at, '2026-01-02T03:04:05.000Z');
  await clock.pass(1000);
  assert.equal((await store.revoke(record.id)).revoked_at, '2026-01-02T03:04:05.000Z');
  assert.equal((await store.list()).length, 1);
});

test('revoking a key that does not exist is refused', async () => {
  await assert.rejects(makeStore().store.revoke('key_none'), { code: 'key_unknown', exit: 1 });
});

test('the first start makes one key for each use, once', async () => {
  const { store } = makeStore();
  const first = await store.createFirst();
  assert.deepEqual(
    first.map(({ record }) => record.use),
    ['deploy', 'events', 'webhook', 'read'],
  );
  for (const { record } of first) assert.deepEqual([record.organization_id, record.project_id], ['org_demo', 'proj_demo']);
  assert.deepEqual(
    await store.list(),
    first.map(({ record }) => record),
  );
  assert.deepEqual(await store.createFirst(), []);
});

test('there are no demonstration keys when an operator created a key before the first start', async () => {
  const { store } = makeStore();
  await store.create({ use: 'deploy', organization_id: 'org_a' });
  assert.deepEqual(await store.createFirst(), []);
  assert.equal((await store.list()).length, 1);
});

for (const text of [
  '',
  '{',
  '[]',
  '{"version":2,"keys":[]}',
  '{"version":1,"keys":[{"id":"key_1"}]}',
  '{"version":1,"keys":[],"more":1}',
]) {
  test(`a key file holding ${JSON.stringify(text)} is never overwritten`, async () => {
    const { store, file } = makeStore();
    file.set(text);
    await assert.rejects(store.create({ use: 'read', organization_id: 'org_a' }), { code: 'keys_unreadable' });
    await assert.rejects(store.list(), { code: 'keys_unreadable' });
    assert.equal(file.text, text);
  });
}

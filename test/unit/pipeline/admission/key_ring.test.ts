import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEY_USES } from '../../../../src/contract/tenant.ts';
import type { KeyRecord } from '../../../../src/pipeline/admission/key_record.ts';
import { KeyRing } from '../../../../src/pipeline/admission/key_ring.ts';
import { makeStore } from './fakes.ts';

async function makeRing(): Promise<{ ring: KeyRing; secrets: string[]; records: readonly KeyRecord[] }> {
  const { store } = makeStore();
  const keys = await store.createFirst();
  const ring = new KeyRing();
  const records = keys.map(({ record }) => record);
  ring.replace(records);
  return { ring, secrets: keys.map(({ secret }) => secret), records };
}

test('a key is known for its own use only, and says whose it is', async () => {
  const { ring, secrets, records } = await makeRing();
  assert.equal(ring.size, 4);
  for (const [index, secret] of secrets.entries()) {
    for (const use of KEY_USES) {
      const identity = ring.lookup(secret, use);
      assert.equal(identity?.key_id, records[index]?.use === use ? records[index]?.id : undefined);
    }
  }
  const identity = ring.lookup(secrets[0], 'deploy');
  assert.deepEqual(identity, { key_id: records[0]?.id, organization_id: 'org_demo', project_id: 'proj_demo', environment: 'live' });
  assert.equal(ring.lookup(secrets[0], 'deploy'), identity);
});

test('missing, empty, wrong, cut, extended, oversized and non-ASCII keys are nobody', async () => {
  const { ring, secrets } = await makeRing();
  const secret = secrets[0] ?? '';
  const wrong = [
    undefined,
    '',
    ' ',
    'x',
    secret.slice(0, -1),
    `${secret} `,
    secret.toUpperCase(),
    secret + 'x'.repeat(10_000),
    '🔑'.repeat(20),
  ];
  for (const presented of wrong) assert.equal(ring.lookup(presented, 'deploy'), undefined, String(presented).slice(0, 40));
});

test('a revoked key is nobody', async () => {
  const { ring, secrets, records } = await makeRing();
  assert.notEqual(ring.lookup(secrets[0], 'deploy'), undefined);
  ring.replace(records.map((record) => ({ ...record, revoked_at: '2026-01-01T00:00:00.000Z' })));
  assert.equal(ring.size, 0);
  assert.equal(ring.lookup(secrets[0], 'deploy'), undefined);
});

test('records whose digests begin alike are told apart', async () => {
  const { ring, secrets, records } = await makeRing();
  const [record] = records;
  assert.ok(record !== undefined);
  const twin: KeyRecord = { ...record, id: 'key_twin', sha256: record.sha256.slice(0, 12) + '0'.repeat(52) };
  for (const order of [
    [twin, record],
    [record, twin],
  ]) {
    ring.replace(order);
    assert.equal(ring.lookup(secrets[0], 'deploy')?.key_id, record.id);
  }
});

test('an empty ring knows nobody, not even the digest that unknown ones are compared with', () => {
  assert.equal(new KeyRing().lookup('', 'deploy'), undefined);
});

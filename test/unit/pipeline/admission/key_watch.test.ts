import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../../../../src/contract/errors.ts';
import { KeyRing } from '../../../../src/pipeline/admission/key_ring.ts';
import { KeyWatch } from '../../../../src/pipeline/admission/key_watch.ts';
import type { KeyStore } from '../../../../src/pipeline/admission/keys.ts';
import { type ManualClock, type MemoryKeyFile, makeStore } from './fakes.ts';

interface Scene {
  readonly store: KeyStore;
  readonly file: MemoryKeyFile;
  readonly clock: ManualClock;
  readonly ring: KeyRing;
  readonly watch: KeyWatch;
  readonly loads: number[];
  readonly failures: string[];
  readonly secret: string;
}

async function makeScene(): Promise<Scene> {
  const { store, file, clock } = makeStore();
  const secret = (await store.create({ use: 'deploy', organization_id: 'org_a' })).secret;
  const ring = new KeyRing();
  const loads: number[] = [];
  const failures: string[] = [];
  const reports = { loaded: (keys: number) => void loads.push(keys), failed: (error: OperatingError) => void failures.push(error.code) };
  return { store, file, clock, ring, watch: new KeyWatch({ file, ring, clock, reports }), loads, failures, secret };
}

test('a key created or revoked by another process counts within two seconds', async () => {
  const { store, clock, ring, watch, loads, secret } = await makeScene();
  await watch.start();
  const created = await store.create({ use: 'read', organization_id: 'org_a' });
  const old_id = ring.lookup(secret, 'deploy')?.key_id ?? '';
  await store.revoke(old_id);
  await clock.pass(1000);
  assert.equal(ring.lookup(created.secret, 'read')?.key_id, created.record.id);
  assert.equal(ring.lookup(secret, 'deploy'), undefined);
  assert.deepEqual(loads, [1, 1]);
  watch.stop();
});

test('an unchanged file is not read again', async () => {
  const { clock, watch, loads } = await makeScene();
  await watch.start();
  for (let polls = 0; polls < 5; polls++) await clock.pass(1000);
  assert.deepEqual(loads, [1]);
  watch.stop();
});

test('a broken, vanished or unreadable file keeps the last good keys, is reported once, and is healed by the next good one', async () => {
  const { file, clock, ring, watch, failures, secret } = await makeScene();
  await watch.start();
  const good = file.text;
  const breakages = [
    () => file.set('{"version":1'),
    () => file.set(undefined),
    () => {
      file.failure = new OperatingError('keys_unreadable');
    },
  ];
  for (const [count, break_it] of breakages.entries()) {
    break_it();
    for (let polls = 0; polls < 3; polls++) await clock.pass(1000);
    assert.equal(failures.length, count + 1);
    assert.notEqual(ring.lookup(secret, 'deploy'), undefined);
  }
  file.failure = undefined;
  file.set(good);
  await clock.pass(1000);
  assert.notEqual(ring.lookup(secret, 'deploy'), undefined);
  assert.equal(failures.length, 3);
  watch.stop();
});

test('the daemon does not start without readable keys', async () => {
  const { file, watch } = await makeScene();
  file.set('nonsense');
  await assert.rejects(watch.start(), { code: 'keys_unreadable' });
});

test('a stopped watch leaves no timer', async () => {
  const { clock, watch } = await makeScene();
  await watch.start();
  assert.equal(clock.timers, 1);
  watch.stop();
  assert.equal(clock.timers, 0);
});

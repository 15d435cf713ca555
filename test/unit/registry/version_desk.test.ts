import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { OperatingError } from '../../../src/contract/errors.ts';
import type { KeyClaim } from '../../../src/contract/version_claims.ts';
import type { Admission } from '../../../src/registry/claim_desk.ts';
import { DESK_LIMITS } from '../../../src/registry/options.ts';
import { VersionDesk, type VersionStore } from '../../../src/registry/version_desk.ts';
import { ManualClock } from '../../support/manual_clock.ts';

const OBSERVER = { decided: () => undefined, committed: () => undefined, failed: () => undefined };
const AWAY = new OperatingError('registry_unavailable', { reason: 'it is away' });

/** A registry in memory that can be away. */
class Store implements VersionStore {
  readonly kept = new Map<string, string>();
  is_away = false;

  fingerprintOf(key: string): string | undefined {
    return this.kept.get(key);
  }

  async keep(entries: readonly KeyClaim[]): Promise<void> {
    await setImmediate();
    if (this.is_away) throw AWAY;
    for (const { key, fingerprint } of entries) this.kept.set(key, fingerprint);
  }
}

class Scene {
  readonly store = new Store();
  readonly clock = new ManualClock(0);
  readonly desk: VersionDesk;

  constructor(limits = DESK_LIMITS, is_open = true) {
    this.desk = new VersionDesk({ store: this.store, clock: this.clock, observer: OBSERVER }, limits);
    if (is_open) this.desk.open();
  }

  /** What is said at once; `waits` if nothing is. */
  ask(event_id: string, fingerprint: string, key = 'version'): string {
    const admission = this.desk.admit(event_id, { key, fingerprint });
    return admission instanceof Promise ? 'waits' : told(admission);
  }

  later(event_id: string, fingerprint: string): Promise<string> {
    return Promise.resolve(this.desk.admit(event_id, { key: 'version', fingerprint })).then(told);
  }
}

function told(admission: Admission): string {
  return admission.kind === 'refused' ? admission.error.code : admission.kind;
}

test('a version is admitted without a write, stands once its event is stored, and is in the registry before its segment is sealed', async () => {
  const scene = new Scene();
  assert.equal(scene.ask('1', 'abc'), 'admitted');
  scene.desk.settle('1', true);
  assert.equal(scene.store.kept.size, 0);
  for (const when of ['before it is written', 'after']) {
    assert.equal(scene.ask('2', 'abc'), 'admitted', when);
    assert.equal(scene.ask('3', ''), 'admitted', when);
    assert.equal(scene.ask('4', 'def'), 'conflict', when);
    await scene.desk.flushNow();
    assert.deepEqual([...scene.store.kept], [['version', 'abc']], when);
  }
});

test('events that agree wait for nobody, and the version is made by whichever of them is stored', async () => {
  const scene = new Scene();
  for (const [event_id, commit] of [
    ['1', ''],
    ['2', 'abc'],
    ['3', 'abc'],
    ['4', ''],
  ] as const)
    assert.equal(scene.ask(event_id, commit), 'admitted');
  scene.desk.settle('1', false);
  scene.desk.settle('2', false);
  scene.desk.settle('4', true);
  await scene.desk.flush();
  assert.deepEqual([...scene.store.kept], [['version', '']]);
  scene.desk.settle('3', true);
  assert.equal(scene.ask('5', 'def'), 'conflict');
  await scene.desk.flush();
  assert.deepEqual([...scene.store.kept], [['version', 'abc']]);
});

test('another commit waits for the fate of those before it: a conflict once one of them is stored, its turn when none is', async () => {
  for (const stored of [true, false]) {
    const scene = new Scene();
    assert.equal(scene.ask('1', 'abc'), 'admitted');
    assert.equal(scene.ask('2', 'abc'), 'admitted');
    const other = scene.later('3', 'def');
    scene.desk.settle('1', false);
    await setImmediate();
    assert.equal(scene.ask('4', 'def'), 'waits');
    scene.desk.settle('2', stored);
    assert.equal(await other, stored ? 'conflict' : 'admitted');
    assert.equal(scene.ask('5', 'abc'), stored ? 'admitted' : 'waits');
  }
});

test('a version of which nothing was stored is as if nobody had named it', async () => {
  const scene = new Scene();
  assert.equal(scene.ask('1', 'abc'), 'admitted');
  scene.desk.settle('1', false);
  await scene.desk.flush();
  assert.equal(scene.store.kept.size, 0);
  assert.equal(scene.ask('2', 'def'), 'admitted');
});

test('while the registry cannot be written, what it has is agreed to and what it lacks is refused, and no segment is sealed', async () => {
  const scene = new Scene();
  scene.store.kept.set('known', 'abc');
  assert.equal(scene.ask('1', 'abc', 'stored'), 'admitted');
  scene.store.is_away = true;
  scene.desk.settle('1', true);
  await assert.rejects(scene.desk.flushNow(), { code: 'registry_unavailable' });
  assert.equal(scene.ask('2', 'abc', 'known'), 'admitted');
  assert.equal(scene.ask('3', 'abc', 'stored'), 'admitted');
  assert.equal(scene.ask('4', 'def', 'stored'), 'conflict');
  assert.equal(scene.ask('5', 'abc', 'new'), 'registry_unavailable');
  scene.store.is_away = false;
  scene.clock.advance(DESK_LIMITS.retry_ms);
  await scene.desk.flushNow();
  assert.equal(scene.store.kept.get('stored'), 'abc');
  assert.equal(scene.ask('6', 'abc', 'new'), 'admitted');
});

test('beyond its bound the desk takes no more versions, and no wait is for ever', async () => {
  const scene = new Scene({ ...DESK_LIMITS, claims_max: 2 });
  assert.equal(scene.ask('1', 'abc'), 'admitted');
  const waiting = scene.later('2', 'def');
  scene.clock.advance(DESK_LIMITS.wait_ms_max + DESK_LIMITS.poll_ms);
  assert.equal(await waiting, 'claim_undecided');
  assert.equal(scene.ask('3', '', 'another'), 'admitted');
  assert.equal(scene.ask('4', '', 'third'), 'overloaded');
  scene.desk.settle('3', false);
  assert.equal(scene.ask('5', '', 'third'), 'admitted');
});

test('before the spool was looked through nothing is decided or sealed; what waits to be sealed is told when that fails', async (context: TestContext) => {
  const scene = new Scene(DESK_LIMITS, false);
  assert.equal(scene.ask('1', 'abc'), 'registry_unavailable');
  const sealing = scene.desk.flushNow();
  const fate = context.mock.fn();
  void sealing.catch(fate);
  await setImmediate();
  assert.equal(fate.mock.callCount(), 0);
  scene.desk.fail(AWAY);
  await assert.rejects(sealing, { code: 'registry_unavailable' });
  scene.desk.open();
  await scene.desk.flushNow();
  assert.equal(scene.ask('1', 'abc'), 'admitted');
});

test('a stop refuses who waits and writes what is stored', async () => {
  const scene = new Scene();
  assert.equal(scene.ask('1', 'abc'), 'admitted');
  scene.desk.settle('1', true);
  assert.equal(scene.ask('2', 'abc', 'undecided'), 'admitted');
  const waiting = Promise.resolve(scene.desk.admit('3', { key: 'undecided', fingerprint: 'def' })).then(told);
  await scene.desk.close();
  assert.equal(await waiting, 'claim_undecided');
  assert.deepEqual([...scene.store.kept], [['version', 'abc']]);
  assert.equal(scene.ask('4', 'abc'), 'shutting_down');
});

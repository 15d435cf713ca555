import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { OperatingError } from '../../../src/contract/errors.ts';
import type { Admission } from '../../../src/registry/claim_desk.ts';
import { DELIVERY_KEPT_MS, deliveryKey } from '../../../src/registry/claim_keys.ts';
import { type DeliveryClaim, DeliveryDesk, type DeliveryStore } from '../../../src/registry/delivery_desk.ts';
import { LmdbClaims } from '../../../src/registry/lmdb/lmdb_claims.ts';
import { DESK_LIMITS } from '../../../src/registry/options.ts';
import { Registry } from '../../../src/registry/registry.ts';
import { hookRequest, NOW_MS } from '../../support/claim_requests.ts';
import { ManualClock } from '../../support/manual_clock.ts';

const OBSERVER = { decided: () => undefined, committed: () => undefined, failed: () => undefined };

/** A registry in memory that can be away. */
class Store implements DeliveryStore {
  readonly kept = new Set<string>();
  is_away = false;

  has(event_id: string): boolean {
    return this.kept.has(event_id);
  }

  async keep(event_ids: readonly string[]): Promise<void> {
    await setImmediate();
    if (this.is_away) throw new OperatingError('registry_unavailable', { reason: 'it is away' });
    for (const event_id of event_ids) this.kept.add(event_id);
  }
}

function scene(limits = DESK_LIMITS): { desk: DeliveryDesk; store: Store; clock: ManualClock } {
  const [store, clock] = [new Store(), new ManualClock(NOW_MS)];
  const desk = new DeliveryDesk({ store, earlier: { has: () => false }, clock, observer: OBSERVER }, limits);
  desk.open();
  return { desk, store, clock };
}

function hook(key: string): DeliveryClaim {
  const { event_id, tenant } = hookRequest(key);
  return { event_id, organization_id: tenant.organization_id, key };
}

function told(admission: Admission): string {
  return admission.kind === 'refused' ? admission.error.code : admission.kind;
}

test('a delivery is admitted without a write, and is in the registry before its segment goes', async () => {
  const { desk, store } = scene();
  const event = hook('a');
  assert.equal(told(await desk.admit(event)), 'admitted');
  assert.equal(store.kept.size, 0);
  desk.settle(event.event_id, true);
  assert.equal(told(await desk.admit(hook('a'))), 'repeated');
  await desk.flush();
  assert.deepEqual([...store.kept], [event.event_id]);
  assert.equal(told(await desk.admit(hook('a'))), 'repeated');
});

test('what comes while the first is not durable waits for its fate: a repeat when it is stored, the next in line when it is not', async () => {
  const { desk } = scene();
  const first = hook('a');
  await desk.admit(first);
  const others = [hook('a'), hook('a'), hook('a')];
  const answers: string[] = [];
  const asked = others.map((event) => Promise.resolve(desk.admit(event)).then((admission) => answers.push(told(admission))));
  await setImmediate();
  assert.deepEqual(answers, []);
  desk.settle(first.event_id, false);
  await setImmediate();
  assert.deepEqual(answers, ['admitted']);
  desk.settle(first.event_id, true);
  await Promise.all(asked);
  assert.deepEqual(answers, ['admitted', 'repeated', 'repeated']);
});

test('a wait has an end', async () => {
  const { desk, clock } = scene();
  await desk.admit(hook('a'));
  const asked = desk.admit(hook('a'));
  clock.advance(DESK_LIMITS.wait_ms_max + DESK_LIMITS.poll_ms);
  assert.equal(told(await asked), 'claim_undecided');
});

test('while the registry cannot be written deliveries are taken, boundedly, and written when it can', async () => {
  const { desk, store, clock } = scene({ ...DESK_LIMITS, claims_max: 3 });
  store.is_away = true;
  for (const name of ['a', 'b', 'c']) {
    const event = hook(name);
    assert.equal(told(await desk.admit(event)), 'admitted');
    desk.settle(event.event_id, true);
  }
  const flushed = desk.flush();
  await setImmediate();
  await setImmediate();
  assert.equal(told(await desk.admit(hook('d'))), 'registry_unavailable');
  store.is_away = false;
  clock.advance(DESK_LIMITS.retry_ms);
  await flushed;
  assert.equal(store.kept.size, 3);
  assert.equal(told(await desk.admit(hook('d'))), 'admitted');
});

test('a stop writes what is stored and leaves what is undecided to the next start', async () => {
  const { desk, store } = scene();
  const [stored, undecided] = [hook('stored'), hook('undecided')];
  for (const event of [stored, undecided]) await desk.admit(event);
  desk.settle(stored.event_id, true);
  assert.equal(await desk.close(), false);
  assert.equal(store.kept.size, 1);
  assert.equal(told(await desk.admit(hook('late'))), 'shutting_down');
});

async function directoryOf(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'penstock-deliveries-'));
  context.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** A registry on `directory` whose spool holds `event_ids`, and the tables that it looked for there. */
async function startOn(
  directory: string,
  event_ids: readonly string[],
): Promise<{ registry: Registry; looked: string[]; clock: ManualClock }> {
  const looked: string[] = [];
  const each = async (table: string, visit: (event_ids: readonly string[]) => Promise<void>): Promise<void> => {
    looked.push(table);
    await visit(event_ids);
  };
  const clock = new ManualClock(NOW_MS);
  const ports = {
    clock,
    random: { fraction: () => 0, uuid: () => 'an instance' },
    records: { holds: async () => new Set<string>() },
    events: { each },
    rows: { eachUnsealed: async () => undefined },
    observers: { local: OBSERVER, fleet: OBSERVER },
  };
  const registry = new Registry(ports, { url: 'embedded', directory, version_tables: new Map() });
  await registry.start();
  return { registry, looked, clock };
}

test('after a crash what stands in the spool is delivered; after a stop the spool is not looked through', async (context) => {
  const [directory, copy] = [await directoryOf(context), await directoryOf(context)];
  const [stored, lost] = ['stored', 'lost'].map((name) => hookRequest(name, { table: 'hooks' }));
  const crashing = await startOn(directory, []);
  for (const event of [stored, lost]) assert.equal((await crashing.registry.gate.admit(event)).kind, 'admitted');
  await cp(directory, copy, { recursive: true });
  const after_crash = await startOn(copy, [stored.event_id]);
  assert.deepEqual(after_crash.looked, ['hooks']);
  assert.equal((await after_crash.registry.gate.admit(stored)).kind, 'repeated');
  assert.equal((await after_crash.registry.gate.admit(lost)).kind, 'admitted');
  after_crash.registry.gate.settle(lost, true);
  await after_crash.registry.close();
  const after_stop = await startOn(copy, []);
  assert.deepEqual(after_stop.looked, []);
  for (const event of [stored, lost]) assert.equal((await after_stop.registry.gate.admit(event)).kind, 'repeated');
  await after_stop.registry.close();
  await crashing.registry.close();
});

test('what an earlier program kept is known, and what it found in the spool, until that has expired', async (context) => {
  const directory = await directoryOf(context);
  const [answered, found, fresh] = ['answered', 'found', 'fresh'].map((name) => hookRequest(name, { table: 'hooks' }));
  const earlier = new LmdbClaims(directory);
  await earlier.open();
  const claim = { fingerprint: '', answer: '', is_shared: false, label: '', expires_at_ms: NOW_MS + DELIVERY_KEPT_MS - 1 };
  const keys = [deliveryKey('org_test', 'answered'), `delivered ${found.event_id}`];
  await earlier.keep(keys.map((key) => ({ ...claim, key })));
  for (const [name, value] of Object.entries({ delivery_tables: 'hooks', deliveries_ended_well: 'true' }))
    await earlier.setFact(name, value);
  await earlier.close();
  const { registry, clock } = await startOn(directory, []);
  const verdicts = async (): Promise<string[]> => {
    const all = await Promise.all([answered, found, fresh].map((event) => registry.gate.admit(event)));
    return all.map(({ kind }) => kind);
  };
  assert.deepEqual(await verdicts(), ['repeated', 'repeated', 'admitted']);
  registry.gate.settle(fresh, true);
  clock.advance(DELIVERY_KEPT_MS);
  assert.deepEqual((await verdicts()).slice(0, 2), ['admitted', 'admitted']);
  await registry.close();
});

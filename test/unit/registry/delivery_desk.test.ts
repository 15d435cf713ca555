import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { OperatingError } from '../../../src/contract/errors.ts';
import type { EventClaims, KeyClaim } from '../../../src/contract/version_claims.ts';
import type { Admission } from '../../../src/registry/claim_desk.ts';
import { eventClaims } from '../../../src/registry/claim_keys.ts';
import { DeliveryDesk, type DeliveryStore } from '../../../src/registry/delivery_desk.ts';
import { LmdbClaims } from '../../../src/registry/lmdb/lmdb_claims.ts';
import { DESK_LIMITS } from '../../../src/registry/options.ts';
import { Registry } from '../../../src/registry/registry.ts';
import { delivery, HOUR_MS, NOW_MS, request } from '../../support/claim_requests.ts';
import { ManualClock } from '../../support/manual_clock.ts';

const OBSERVER = { decided: () => undefined, committed: () => undefined, failed: () => undefined };

/** A registry in memory that can be away. */
class Store implements DeliveryStore {
  readonly kept = new Map<string, KeyClaim>();
  readonly left: string[] = [];
  is_away = false;

  isTaken(key: string): boolean {
    return this.kept.has(key);
  }

  async keep(entries: readonly KeyClaim[]): Promise<void> {
    await setImmediate();
    if (this.is_away) throw new OperatingError('registry_unavailable', { reason: 'it is away' });
    for (const entry of entries) this.kept.set(entry.key, entry);
  }

  async commit({ claim }: Parameters<DeliveryStore['commit']>[0]): Promise<void> {
    this.left.push(...claim.map(({ event_id }) => event_id));
  }
}

function scene(limits = DESK_LIMITS): { desk: DeliveryDesk; store: Store; clock: ManualClock } {
  const [store, clock] = [new Store(), new ManualClock(NOW_MS)];
  const desk = new DeliveryDesk({ store, clock, observer: OBSERVER }, limits);
  desk.open(false);
  return { desk, store, clock };
}

function hook(key: string): EventClaims {
  return eventClaims(request([delivery(key)]));
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
  assert.deepEqual([...store.kept.keys()], [event.keys[0].key]);
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
  desk.settle(others[0].event_id, true);
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
  assert.deepEqual(store.left, [undecided.event_id]);
  assert.equal(told(await desk.admit(hook('late'))), 'shutting_down');
});

async function directoryOf(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'penstock-deliveries-'));
  context.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** A registry on `directory` whose spool holds `event_ids`, and the tables that it looked for there. */
async function startOn(directory: string, event_ids: readonly string[]): Promise<{ registry: Registry; looked: string[] }> {
  const looked: string[] = [];
  const each = async (table: string, visit: (event_ids: readonly string[]) => Promise<void>): Promise<void> => {
    looked.push(table);
    await visit(event_ids);
  };
  const ports = {
    clock: new ManualClock(NOW_MS),
    random: { fraction: () => 0, uuid: () => 'an instance' },
    records: { holds: async () => new Set<string>() },
    events: { each },
    rows: { eachUnsealed: async () => undefined },
    observers: { local: OBSERVER, fleet: OBSERVER },
  };
  const registry = new Registry(ports, { url: 'embedded', directory, version_tables: new Map() });
  await registry.start();
  return { registry, looked };
}

test('after a crash what stands in the spool is delivered; after a stop the spool is not looked through', async (context) => {
  const [directory, copy] = [await directoryOf(context), await directoryOf(context)];
  const [stored, lost] = ['stored', 'lost'].map((name) => request([delivery(name)], { table: 'hooks' }));
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

test('entries that are kept are seen at once, expire, and are swept', async (context) => {
  const store = new LmdbClaims(await directoryOf(context));
  await store.open();
  const [{ keys: short }, { keys: long }] = [hook('short'), hook('long')];
  await store.keep([
    { ...short[0], expires_at_ms: NOW_MS + HOUR_MS },
    { ...long[0], expires_at_ms: NOW_MS + 2 * HOUR_MS },
  ]);
  const taken = (now_ms: number): boolean[] => [short, long].map(([claim]) => store.isTaken(claim.key, now_ms));
  assert.deepEqual(taken(NOW_MS), [true, true]);
  assert.deepEqual(taken(NOW_MS + HOUR_MS), [false, true]);
  assert.equal(await store.sweep(NOW_MS + HOUR_MS, 10), 1);
  assert.equal(await store.sweep(NOW_MS + HOUR_MS, 10), 0);
  assert.deepEqual(taken(NOW_MS), [false, true]);
  await store.close();
});

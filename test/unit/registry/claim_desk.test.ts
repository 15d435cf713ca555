import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { EventClaims } from '../../../src/contract/version_claims.ts';
import { type Admission, ClaimDesk } from '../../../src/registry/claim_desk.ts';
import { eventClaims } from '../../../src/registry/claim_keys.ts';
import { DESK_LIMITS, type DeskLimits } from '../../../src/registry/options.ts';
import { idempotency, NOW_MS, request, version } from '../../support/claim_requests.ts';
import { ManualClock } from '../../support/manual_clock.ts';
import { MemoryClaims } from '../../support/memory_claims.ts';

interface Bench {
  readonly desk: ClaimDesk;
  readonly store: MemoryClaims;
  readonly clock: ManualClock;
  readonly decided: string[];
}

function bench(limits: Partial<DeskLimits> = {}): Bench {
  const store = new MemoryClaims();
  const clock = new ManualClock(NOW_MS);
  const decided: string[] = [];
  const observer = { decided: (outcome: string) => decided.push(outcome), committed: () => undefined, failed: () => undefined };
  const desk = new ClaimDesk({ store, clock, observer }, { ...DESK_LIMITS, ...limits });
  desk.open();
  return { desk, store, clock, decided };
}

function claiming(sha: string, event_id: string = randomUUID()): EventClaims {
  return eventClaims(request([version(sha)], { event_id }));
}

/** What became of a request so far. */
function watch(admission: Promise<Admission>): { now(): string } {
  let now = 'undecided';
  void admission.then((decided) => {
    now = decided.kind === 'refused' ? decided.error.code : decided.kind;
  });
  return { now: () => now };
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await turn();
}

test('requests that arrive together share one commit, and those that arrive during it the next', async () => {
  const { desk, store } = bench();
  let release = (): void => undefined;
  store.pause = new Promise((resolve) => {
    release = resolve;
  });
  const first = Array.from({ length: 5 }, (_, index) => desk.admit(eventClaims(request([version('abc', `first ${index}`)]))));
  await turn();
  const second = Array.from({ length: 7 }, (_, index) => desk.admit(eventClaims(request([version('abc', `second ${index}`)]))));
  release();
  await Promise.all([...first, ...second]);
  assert.deepEqual(
    store.batches.map(({ claim }) => claim.length),
    [5, 7],
  );
});

test('a request that meets a pending claim waits, and conflicts once that is stored', async () => {
  const { desk } = bench();
  const holder = claiming('abc');
  assert.equal((await desk.admit(holder)).kind, 'admitted');
  const same = watch(desk.admit(claiming('abc')));
  const other = watch(desk.admit(claiming('def')));
  await settled();
  assert.deepEqual([same.now(), other.now()], ['undecided', 'undecided']);
  desk.settle(holder.event_id, true);
  await settled();
  assert.deepEqual([same.now(), other.now()], ['admitted', 'conflict']);
});

test('a request that meets a pending claim takes its place when that is not stored', async () => {
  const { desk, store } = bench();
  const holder = claiming('abc');
  await desk.admit(holder);
  const next = claiming('def');
  const waiting = watch(desk.admit(next));
  await settled();
  desk.settle(holder.event_id, false);
  await settled();
  assert.equal(waiting.now(), 'admitted');
  assert.deepEqual([...store.held.keys()], [next.event_id]);
});

test('a request that is decided while its claim is under way is not forgotten', async () => {
  const { desk, store } = bench();
  const holder = claiming('abc');
  await desk.admit(holder);
  let release = (): void => undefined;
  store.pause = new Promise((resolve) => {
    release = resolve;
  });
  const late = watch(desk.admit(claiming('def')));
  await turn();
  desk.settle(holder.event_id, true);
  release();
  await settled();
  assert.equal(late.now(), 'conflict');
});

test('nobody waits for ever: not for this daemon, and not for one that is gone', async () => {
  const { desk, store, clock } = bench({ wait_ms_max: 1_000, poll_ms: 50 });
  const holder = claiming('abc');
  await desk.admit(holder);
  const waiting = watch(desk.admit(claiming('abc')));
  await settled();
  clock.advance(999);
  await settled();
  assert.equal(waiting.now(), 'undecided');
  clock.advance(51);
  await settled();
  assert.equal(waiting.now(), 'claim_undecided');
  store.commit = async ({ claim }) => claim.map(() => ({ kind: 'pending', event_id: undefined }));
  const foreign = watch(desk.admit(claiming('abc')));
  for (let ticks = 0; ticks < 21; ticks++) {
    await settled();
    clock.advance(50);
  }
  await settled();
  assert.equal(foreign.now(), 'claim_undecided');
});

test('fates are written with the next claims, or after a moment without any', async () => {
  const { desk, store, clock } = bench({ write_delay_ms: 100 });
  const event = claiming('abc');
  await desk.admit(event);
  desk.settle(event.event_id, true);
  await settled();
  assert.equal(store.batches.length, 1);
  await desk.admit(eventClaims(request([version('abc', 'another')])));
  assert.deepEqual(store.batches[1]?.confirm, [event.event_id]);
  const last = claiming('abc');
  await desk.admit(last);
  desk.settle(last.event_id, true);
  assert.equal(store.held.size, 1, 'what agrees with a confirmed version holds nothing');
  clock.advance(100);
  await settled();
  assert.equal(store.batches.length, 3);
});

test('a flush confirms what is stored of a table, and of no other', async () => {
  const { desk, store } = bench();
  const events = ['one', 'two'].map((table) => eventClaims(request([version('abc', table)], { table })));
  await Promise.all(events.map((event) => desk.admit(event)));
  await desk.flush('one');
  assert.equal(store.held.size, 2, 'they are not settled yet');
  for (const event of events) desk.settle(event.event_id, true);
  await desk.flush('three');
  assert.equal(store.held.size, 2);
  await desk.flush('one');
  assert.equal(store.held.size, 0);
});

test('while the registry is away requests are refused at once, and fates are kept and written when it is back', async () => {
  const { desk, store, clock } = bench({ retry_ms: 500 });
  const event = claiming('abc');
  await desk.admit(event);
  store.is_away = true;
  desk.settle(event.event_id, true);
  assert.equal(watchKind(await desk.admit(claiming('def'))), 'registry_unavailable');
  assert.equal(desk.problem?.code, 'registry_unavailable');
  const flushed = desk.flush('events');
  await settled();
  store.is_away = false;
  clock.advance(500);
  await flushed;
  assert.equal(desk.problem, undefined);
  assert.equal((await desk.admit(claiming('def'))).kind, 'conflict');
});

test('what a commit without an answer left behind is released by whoever meets it', async () => {
  const { desk, store } = bench();
  store.loses_answer = true;
  assert.equal(watchKind(await desk.admit(claiming('abc'))), 'registry_unavailable');
  assert.equal(store.held.size, 1);
  const next = claiming('def');
  assert.equal((await desk.admit(next)).kind, 'admitted');
  assert.deepEqual([...store.held.keys()], [next.event_id]);
});

test('two requests for the same event are never both admitted', async () => {
  const { desk } = bench();
  const event_id = randomUUID();
  const claims = (): EventClaims => eventClaims(request([idempotency('key')], { event_id }));
  const both = [watch(desk.admit(claims())), watch(desk.admit(claims()))];
  await settled();
  assert.deepEqual(
    both.map(({ now }) => now()),
    ['admitted', 'undecided'],
  );
  desk.settle(event_id, true);
  const third = watch(desk.admit(claims()));
  await settled();
  assert.deepEqual(
    [...both, third].map(({ now }) => now()),
    ['admitted', 'repeated', 'repeated'],
  );
});

test('beyond its bound the desk takes no more requests', async () => {
  const { desk, decided } = bench({ claims_max: 3 });
  const holder = claiming('abc');
  await desk.admit(holder);
  const waiting = Array.from({ length: 3 }, () => watch(desk.admit(claiming('def'))));
  await settled();
  assert.equal(watchKind(await desk.admit(claiming('abc'))), 'overloaded');
  desk.settle(holder.event_id, true);
  await settled();
  assert.deepEqual(
    waiting.map(({ now }) => now()),
    ['conflict', 'conflict', 'conflict'],
  );
  assert.deepEqual(decided, ['admitted', 'overloaded', 'conflict', 'conflict', 'conflict']);
});

test('closing ends all waits and writes what is settled', async () => {
  const { desk, store } = bench();
  const holder = claiming('abc');
  await desk.admit(holder);
  const stored = eventClaims(request([version('abc', 'stored')]));
  await desk.admit(stored);
  const waiting = watch(desk.admit(claiming('abc')));
  await settled();
  desk.settle(stored.event_id, true);
  await desk.close();
  assert.equal(waiting.now(), 'claim_undecided');
  assert.deepEqual([...store.held.keys()], [holder.event_id], 'what is not settled is for the next start');
  assert.equal(watchKind(await desk.admit(claiming('abc'))), 'shutting_down');
});

function watchKind(admission: Admission): string {
  return admission.kind === 'refused' ? admission.error.code : admission.kind;
}

/** A registry over the life of a daemon: what a crash leaves undecided is decided by the spool, and no proof goes before its claim is confirmed. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SealedSegment, SegmentStore } from '../../../src/contract/segment.ts';
import type { VersionClaims } from '../../../src/contract/version_claims.ts';
import { eventClaims, versionEntry } from '../../../src/registry/claim_keys.ts';
import { ClaimOffice } from '../../../src/registry/claim_office.ts';
import { confirmBeforeRetire } from '../../../src/registry/confirm_before_retire.ts';
import { LmdbClaims } from '../../../src/registry/lmdb/lmdb_claims.ts';
import { DESK_LIMITS } from '../../../src/registry/options.ts';
import { hookRequest, idempotency, NOW_MS, request, version } from '../../support/claim_requests.ts';
import { ManualClock } from '../../support/manual_clock.ts';
import { MemoryClaims } from '../../support/memory_claims.ts';
import { directoryOf, OBSERVER, RANDOM, startRegistry, summary } from '../../support/registry_life.ts';
import { until } from '../../support/until.ts';

test('a start confirms the claims whose event stands in the spool and releases the others', async (context) => {
  const directory = await directoryOf(context);
  const before = await startRegistry(directory);
  const stored = request([version('abc', 'stored'), idempotency('stored')]);
  const lost = request([version('abc', 'lost'), idempotency('lost')]);
  const hook = hookRequest('hook');
  for (const each of [stored, lost, hook]) assert.equal(summary(await before.gate.admit(each)), 'admitted');
  await before.close();
  const after = await startRegistry(directory, { stored: [stored.event_id, hook.event_id], rows: [['org_test', 'app', 'stored', 'abc']] });
  assert.equal(summary(await after.gate.admit(request([version('def', 'stored')]))), 'version_conflict');
  assert.equal(summary(await after.gate.admit(request([idempotency('stored')]))), 'repeated');
  assert.equal(summary(await after.gate.admit(hookRequest('hook'))), 'repeated');
  assert.equal(summary(await after.gate.admit(request([version('def', 'lost'), idempotency('lost', 'other')]))), 'admitted');
  await after.close();
});

test('what was settled just before a stop needs no spool to be known after it', async (context) => {
  const directory = await directoryOf(context);
  const before = await startRegistry(directory);
  const stored = request([version('abc')]);
  await before.gate.admit(stored);
  before.gate.settle(stored, true);
  await before.close();
  const after = await startRegistry(directory);
  assert.equal(summary(await after.gate.admit(request([version('def')]))), 'version_conflict');
  await after.close();
});

test('a version in conflict gives the key that came with it back, and a repeat is a repeat whatever version it names', async (context) => {
  const registry = await startRegistry(await directoryOf(context));
  const first = request([version('abc'), idempotency('first', 'body')], { answer: '{"id":"1"}' });
  assert.equal(summary(await registry.gate.admit(first)), 'admitted');
  registry.gate.settle(first, true);
  assert.equal(summary(await registry.gate.admit(request([version('def'), idempotency('second', 'body')]))), 'version_conflict');
  assert.equal(summary(await registry.gate.admit(request([version('abc'), idempotency('second', 'another')]))), 'admitted');
  const again = await registry.gate.admit(request([version('def'), idempotency('first', 'body')]));
  assert.deepEqual(again, { kind: 'repeated', answer: '{"id":"1"}' });
  await registry.close();
});

test('rows that were not sealed give back their versions at a start, once each, and change none that the registry has', async (context) => {
  const directory = await directoryOf(context);
  const before = await startRegistry(directory);
  const known = request([version('abc', 'known')]);
  await before.gate.admit(known);
  before.gate.settle(known, true);
  await before.close();
  const rows = [
    ['org_test', 'app', 'known', 'def'],
    ['org_test', 'app', 'late', ''],
    ['org_test', 'app', 'late', 'abc'],
    ['org_test', 'app', 'late', 'def'],
    ['org_other', 'app', 'foreign', 'abc'],
  ];
  for (const held of [{ rows }, {}]) {
    const after = await startRegistry(directory, held);
    await after.beforeSeal('events');
    for (const name of ['known', 'late']) {
      assert.equal(summary(await after.gate.admit(request([version('abc', name)]))), 'admitted', name);
      assert.equal(summary(await after.gate.admit(request([version('def', name)]))), 'version_conflict', name);
    }
    assert.equal(summary(await after.gate.admit(request([version('def', 'foreign')]))), 'admitted');
    await after.close();
  }
});

test('what an older program left pending of versions is settled before any is decided', async (context) => {
  const directory = await directoryOf(context);
  const [stored, lost] = [request([version('abc', 'stored')]), request([version('abc', 'lost')])];
  const older = new LmdbClaims(directory);
  await older.open();
  await older.commit({ confirm: [], release: [], claim: [stored, lost].map(eventClaims), now_ms: NOW_MS });
  await older.close();
  const registry = await startRegistry(directory, { stored: [stored.event_id] });
  assert.equal(summary(await registry.gate.admit(request([version('def', 'stored')]))), 'version_conflict');
  assert.equal(summary(await registry.gate.admit(request([version('def', 'lost')]))), 'admitted');
  await registry.close();
});

test('keys of versions are those that earlier programs wrote', () => {
  assert.deepEqual(versionEntry('org_a', 'my-service', '1.2.3', 'abc123'), {
    key: 'O7ytjj5W_IY11_t3UKird6=1.2.3',
    fingerprint: 'fKhjzzvGtZZrd43f7wKLsOjvSCPG-DtC7YVDcCOlJaA',
  });
  assert.equal(
    versionEntry('org_ä', 'p', 'a version with spaces \ud800', '').key,
    'uCuYihrWr4sfRvUgCL--aF#OJX02fgaUGMrRjnwxieJwPVz5iGgt4C7rzNm9WatzYg',
  );
});

test('a segment is not retired before the claims of its table are confirmed', async () => {
  const store = new MemoryClaims();
  const office = officeOn(store, new ManualClock(NOW_MS));
  await office.start();
  const event = eventClaims(request([version('abc')]));
  await office.desk.admit(event);
  office.desk.settle(event.event_id, true);
  const retired: number[] = [];
  const segments: SegmentStore = {
    open: () => Promise.reject(new Error('not asked')),
    takeToken: () => Promise.reject(new Error('not asked')),
    retire: async () => {
      retired.push(store.held.size);
    },
    quarantine: async () => {
      retired.push(store.held.size);
    },
    split: () => Promise.reject(new Error('not asked')),
    deadLetter: async () => {
      retired.push(store.held.size);
    },
  };
  await confirmBeforeRetire(segments, (table) => office.flush(table)).retire(segmentOf('events'));
  assert.deepEqual(retired, [0]);
});

test('a registry that is away at the start is reached later; until then its segments stay, and a stop does not wait for it', async () => {
  const store = new MemoryClaims();
  store.is_away = true;
  const clock = new ManualClock(NOW_MS);
  const office = officeOn(store, clock);
  await office.start();
  assert.equal((await office.desk.admit(eventClaims(request([version('abc')])))).kind, 'refused');
  let is_flushed = false;
  const flushing = office.flush('events').then(() => {
    is_flushed = true;
  });
  store.is_away = false;
  clock.advance(1_000);
  await flushing;
  assert.equal(is_flushed, true);
  assert.equal((await office.desk.admit(eventClaims(request([version('abc')])))).kind, 'admitted');
  await office.close();
  const away = new MemoryClaims();
  away.is_away = true;
  const other = officeOn(away, clock);
  await other.start();
  const refused = assert.rejects(other.flush('events'), { code: 'shutting_down' });
  await other.close();
  await refused;
});

test('upkeep forgets what has expired and releases what failed commits left', async () => {
  const store = new MemoryClaims();
  const clock = new ManualClock(NOW_MS);
  const office = officeOn(store, clock);
  await office.start();
  store.loses_answer = true;
  assert.equal((await office.desk.admit(eventClaims(request([version('abc')])))).kind, 'refused');
  const live = eventClaims(request([version('abc', 'live')]));
  await office.desk.admit(live);
  const old = eventClaims(request([idempotency('old')], { received_at_ms: 0 }));
  await office.desk.admit(old);
  office.desk.settle(old.event_id, true);
  clock.advance(5_000);
  await until('upkeep is done', 5_000, () => store.held.size === 1 && store.entries.size === 1);
  assert.deepEqual([...store.held.keys()], [live.event_id]);
  await office.close();
});

test('a fleet’s registry that cannot be reached refuses versions, and neither deliveries nor other tables’ segments wait for it', async (context) => {
  const directory = await directoryOf(context);
  const registry = await startRegistry(directory, {}, 'postgres://penstock:secret@127.0.0.1:1/registry');
  const refused = await registry.gate.admit(request([version('abc')]));
  assert.equal(summary(refused), 'registry_unavailable');
  assert.match(registry.problem() ?? '', /cannot be reached/);
  assert.doesNotMatch(registry.problem() ?? '', /secret/);
  const hook = hookRequest('hook', { table: 'webhook_events' });
  assert.equal(summary(await registry.gate.admit(hook)), 'admitted');
  registry.gate.settle(hook, true);
  await registry.flush('webhook_events');
  const waiting = assert.rejects(registry.flush('events'), { code: 'shutting_down' });
  await registry.close();
  await waiting;
});

test('a registry that cannot be opened stops the start and says where it is', async (context) => {
  const directory = await directoryOf(context);
  const path = join(directory, 'registry');
  await writeFile(path, 'a file where a directory should be');
  await assert.rejects(
    startRegistry(path),
    (error: Error) => 'code' in error && error.code === 'registry_unusable' && error.message.includes(path),
  );
});

test('a damaged registry stops the start, and one that was never finished is made anew', async (context) => {
  const directory = await directoryOf(context);
  const data_file = join(directory, 'data.mdb');
  const before = await startRegistry(directory);
  await before.close();
  const sound = await readFile(data_file);
  for (const page of [0, 4096]) {
    await writeFile(data_file, Buffer.from(sound).fill(0xff, page, page + 100));
    await assert.rejects(startRegistry(directory), { code: 'registry_unusable' });
  }
  for (const unfinished of [sound.subarray(0, 100), Buffer.alloc(8192), Buffer.alloc(0)]) {
    await writeFile(data_file, unfinished);
    const after = await startRegistry(directory);
    assert.equal(summary(await after.gate.admit(request([version('abc')]))), 'admitted');
    await after.close();
  }
});

function officeOn(store: VersionClaims, clock: ManualClock): ClaimOffice {
  const records = { holds: async () => new Set<string>() };
  return new ClaimOffice({ store, clock, records, observer: OBSERVER }, DESK_LIMITS);
}

function segmentOf(table: string): SealedSegment {
  return {
    id: RANDOM.uuid(),
    table,
    month: 202611,
    sequence: 1,
    columns: [],
    rows: 1,
    native_bytes: 1,
    file_bytes: 1,
    received_at_ms: 0,
    sealed_at_ms: 0,
    accounts: [],
    tokens: 1,
  };
}

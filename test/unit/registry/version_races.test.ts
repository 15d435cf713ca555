/** Many events about few versions at once, on a real registry: whoever is admitted and stored agrees with everybody who was. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SYSTEM_CLOCK } from '../../../src/base/system_clock.ts';
import { type Admission, ClaimDesk } from '../../../src/registry/claim_desk.ts';
import { eventClaims, versionEntry } from '../../../src/registry/claim_keys.ts';
import { LmdbClaims } from '../../../src/registry/lmdb/lmdb_claims.ts';
import { DESK_LIMITS } from '../../../src/registry/options.ts';
import { VersionDesk } from '../../../src/registry/version_desk.ts';
import { request, version } from '../../support/claim_requests.ts';
import { seededRandom } from '../../support/seeded_random.ts';

const OBSERVER = { decided: () => undefined, committed: () => undefined, failed: () => undefined };
const SEED = 20_261_128;
const CLIENTS = 40;
const EVENTS_EACH = 60;
const VERSIONS = 25;
const COMMITS = ['', '', 'abc', 'abc', 'def'];

interface RacedDesk {
  admit(event_id: string, name: string, commit: string): Admission | Promise<Admission>;
  settle(event_id: string, is_stored: boolean): void;
}

/** A registry that counts what it foresees. */
class CountingStore extends LmdbClaims {
  foreseen = 0;

  override foresee(...asked: Parameters<LmdbClaims['foresee']>): ReturnType<LmdbClaims['foresee']> {
    const outcome = super.foresee(...asked);
    if (outcome !== undefined) this.foreseen++;
    return outcome;
  }
}

async function openStore(context: TestContext): Promise<CountingStore> {
  const directory = await mkdtemp(join(tmpdir(), 'penstock-races-'));
  const store = new CountingStore(directory);
  await store.open();
  context.after(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });
  return store;
}

/** Plays the race, holding every answer against what is stored by then; returns the commit that each version has in the end. */
async function race(desk: RacedDesk): Promise<Map<string, string>> {
  const random = seededRandom(SEED);
  const truth = new Map<string, string>();
  const counts = { admitted: 0, conflict: 0 };
  const client = async (): Promise<void> => {
    for (let event = 0; event < EVENTS_EACH; event++) {
      const { event_id } = request([]);
      const name = `1.${random.below(VERSIONS)}`;
      const commit = COMMITS[random.below(COMMITS.length)] ?? '';
      const admission = await desk.admit(event_id, name, commit);
      const known = truth.get(name) ?? '';
      const differs = commit !== '' && known !== '' && known !== commit;
      assert.ok(admission.kind === 'admitted' || admission.kind === 'conflict', JSON.stringify(admission));
      counts[admission.kind]++;
      assert.equal(admission.kind === 'conflict', differs, `${name} ${commit} against ${known}`);
      if (admission.kind === 'conflict') continue;
      for (let turns = random.below(4); turns > 0; turns--) await setImmediate();
      const is_stored = random.below(3) > 0;
      const before = truth.get(name) ?? '';
      assert.ok(!is_stored || commit === '' || before === '' || before === commit, `${name} got a second commit`);
      if (is_stored) truth.set(name, before === '' ? commit : before);
      desk.settle(event_id, is_stored);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  assert.ok(counts.conflict > 0 && counts.admitted > CLIENTS, JSON.stringify(counts));
  return truth;
}

function fingerprintOf(name: string, commit: string): [string, string] {
  const { key, fingerprint } = versionEntry('org_test', 'app', name, commit);
  return [key, fingerprint];
}

test(`the desk of versions admits nobody who contradicts what is stored, and the registry ends as the events say (seed=${SEED})`, async (context) => {
  const store = await openStore(context);
  const desk = new VersionDesk({ store, clock: SYSTEM_CLOCK, observer: OBSERVER }, { ...DESK_LIMITS, write_delay_ms: 2 });
  desk.open();
  const truth = await race({
    admit: (event_id, name, commit) => desk.admit(event_id, versionEntry('org_test', 'app', name, commit)),
    settle: (event_id, is_stored) => desk.settle(event_id, is_stored),
  });
  await desk.flushNow();
  for (const [name, commit] of truth) {
    const [key, fingerprint] = fingerprintOf(name, commit);
    assert.equal(store.fingerprintOf(key), fingerprint, name);
  }
  await desk.close();
});

test(`what is foreseen without a commit is what the commit would have said, whatever is under way (seed=${SEED})`, async (context) => {
  const store = await openStore(context);
  const desk = new ClaimDesk({ store, clock: SYSTEM_CLOCK, observer: OBSERVER }, { ...DESK_LIMITS, write_delay_ms: 2 });
  desk.open();
  const truth = await race({
    admit: (event_id, name, commit) => desk.admit(eventClaims(request([version(commit, name)], { event_id }))),
    settle: (event_id, is_stored) => desk.settle(event_id, is_stored),
  });
  await desk.flush('events');
  assert.ok(store.foreseen > CLIENTS, `only ${store.foreseen} of the answers were foreseen`);
  for (const [name, commit] of truth) {
    const [key, fingerprint] = fingerprintOf(name, commit);
    assert.equal(store.fingerprintOf(key), fingerprint, name);
  }
  await desk.close();
});

/** The contract of `VersionClaims`, for every implementation: what an event may claim beside others, and what becomes of it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Claim, GateRequest } from '../../src/contract/gate.ts';
import type { ClaimOutcome, EventClaims, VersionClaims } from '../../src/contract/version_claims.ts';
import { eventClaims } from '../../src/registry/claim_keys.ts';
import { HOUR_MS, idempotency, NOW_MS, request, version } from '../support/claim_requests.ts';
import { type ClaimStores, STORE_KINDS } from '../support/claim_stores.ts';
import { NEEDS_POSTGRES } from '../support/postgres.ts';
import { seededRandom } from '../support/seeded_random.ts';

const NOTHING = { confirm: [], release: [], claim: [], now_ms: NOW_MS };

/** An organization of its own for each test. */
function claimsOf(organization_id: string) {
  return (claims: readonly Claim[], more: Partial<GateRequest> = {}): EventClaims =>
    eventClaims(request(claims, { tenant: { organization_id, project_id: '', environment: '' }, ...more }));
}

async function ask(store: VersionClaims, event: EventClaims, now_ms = NOW_MS): Promise<ClaimOutcome> {
  const [outcome] = await store.commit({ ...NOTHING, claim: [event], now_ms });
  assert.ok(outcome);
  return outcome;
}

async function kindOf(store: VersionClaims, event: EventClaims, now_ms = NOW_MS): Promise<string> {
  return (await ask(store, event, now_ms)).kind;
}

async function confirmed(store: VersionClaims, event: EventClaims): Promise<void> {
  assert.equal(await kindOf(store, event), 'claimed');
  await store.commit({ ...NOTHING, confirm: [event.event_id] });
}

for (const { name, needs_postgres, create } of STORE_KINDS) {
  describe(`a registry ${name}`, needs_postgres ? { skip: NEEDS_POSTGRES } : {}, () => {
    let stores: ClaimStores;
    let organization = 0;
    const endings: (() => Promise<void>)[] = [];
    const claimer = (): ReturnType<typeof claimsOf> => claimsOf(`org_${++organization}`);

    before(async () => {
      stores = await create({ after: (ending) => endings.push(ending) });
    });
    after(async () => {
      for (const ending of endings.reverse()) await ending();
    });

    test('keeps a version for the commit that came first', async () => {
      const claims = claimer();
      await confirmed(stores.first, claims([version('abc')]));
      for (const store of [stores.first, stores.second]) {
        assert.deepEqual(await ask(store, claims([version('abc')])), { kind: 'claimed', is_held: false });
        assert.deepEqual(await ask(store, claims([version('')])), { kind: 'claimed', is_held: false });
        assert.deepEqual(await ask(store, claims([version('ABC')])), { kind: 'conflict', claim: 0 });
        assert.equal(await kindOf(store, claims([version('abcd')])), 'conflict');
      }
    });

    test('gives a version without a commit one commit, once', async () => {
      const claims = claimer();
      await confirmed(stores.first, claims([version('')]));
      await confirmed(stores.second, claims([version('abc')]));
      assert.equal(await kindOf(stores.first, claims([version('def')])), 'conflict');
      assert.equal(await kindOf(stores.first, claims([version('abc')])), 'claimed');
    });

    test('takes a commit back that was added by an event that was not stored, and keeps the version', async () => {
      const claims = claimer();
      await confirmed(stores.first, claims([version('')]));
      const adding = claims([version('abc')]);
      assert.deepEqual(await ask(stores.first, adding), { kind: 'claimed', is_held: true });
      assert.equal(await kindOf(stores.second, claims([version('')])), 'claimed');
      assert.equal(await kindOf(stores.second, claims([version('abc')])), 'pending');
      await stores.first.commit({ ...NOTHING, release: [adding.event_id] });
      assert.deepEqual(await ask(stores.second, claims([version('')])), { kind: 'claimed', is_held: false });
      await confirmed(stores.second, claims([version('def')]));
      assert.equal(await kindOf(stores.first, claims([version('abc')])), 'conflict');
    });

    test('decides nothing on a claim that is pending, and says whose it is', async () => {
      const claims = claimer();
      const holder = claims([version('abc')]);
      await ask(stores.first, holder);
      assert.deepEqual(await ask(stores.first, claims([version('abc')])), { kind: 'pending', event_id: holder.event_id });
      const seen_by_other = stores.first === stores.second ? holder.event_id : undefined;
      assert.deepEqual(await ask(stores.second, claims([version('')])), { kind: 'pending', event_id: seen_by_other });
      await stores.first.commit({ ...NOTHING, release: [holder.event_id] });
      assert.deepEqual(await ask(stores.second, claims([version('def')])), { kind: 'claimed', is_held: true });
    });

    test('writes fates before it judges the claims that come along', async () => {
      const claims = claimer();
      const [stored, failed] = [claims([version('abc', '1')]), claims([version('abc', '2')])];
      await stores.first.commit({ ...NOTHING, claim: [stored, failed] });
      const claim = [claims([version('def', '1')]), claims([version('def', '2')])];
      const outcomes = await stores.first.commit({ ...NOTHING, confirm: [stored.event_id], release: [failed.event_id], claim });
      assert.deepEqual(
        outcomes.map(({ kind }) => kind),
        ['conflict', 'claimed'],
      );
    });

    test('lets the first of a batch have it', async () => {
      const claims = claimer();
      const batch = [claims([version('abc')]), claims([version('abc')]), claims([version('def')])];
      const outcomes = await stores.first.commit({ ...NOTHING, claim: batch });
      const event_id = batch[0]?.event_id;
      assert.deepEqual(outcomes, [
        { kind: 'claimed', is_held: true },
        { kind: 'pending', event_id },
        { kind: 'pending', event_id },
      ]);
    });

    test('gives an event all that it claims or nothing', async () => {
      const claims = claimer();
      await confirmed(stores.first, claims([version('abc')]));
      await confirmed(stores.first, claims([idempotency('taken', 'body')]));
      assert.deepEqual(await ask(stores.first, claims([version('def'), idempotency('free')])), { kind: 'conflict', claim: 0 });
      assert.deepEqual(await ask(stores.first, claims([version('abc', '9'), idempotency('taken', 'other')])), {
        kind: 'conflict',
        claim: 1,
      });
      assert.deepEqual(await ask(stores.second, claims([version('def', '9'), idempotency('free', 'another')])), {
        kind: 'claimed',
        is_held: true,
      });
    });

    test('answers a repeated key as the first time, until it expires', async () => {
      const claims = claimer();
      await confirmed(stores.first, claims([idempotency('key')], { answer: '{"id":"\u0000é"}' }));
      const again = await ask(stores.second, claims([idempotency('key')], { answer: 'new' }));
      assert.deepEqual(again, { kind: 'repeated', claim: 0, answer: '{"id":"\u0000é"}' });
      assert.equal(await kindOf(stores.first, claims([idempotency('key', 'other body')])), 'conflict');
      const later = claims([idempotency('key', 'other body')], { received_at_ms: NOW_MS + 25 * HOUR_MS });
      assert.equal(await kindOf(stores.first, later, NOW_MS + 23 * HOUR_MS), 'conflict');
      assert.equal(await kindOf(stores.first, later, NOW_MS + 25 * HOUR_MS), 'claimed');
      await stores.first.commit({ ...NOTHING, confirm: [later.event_id] });
      assert.equal(await kindOf(stores.second, claims([idempotency('key')]), NOW_MS + 26 * HOUR_MS), 'conflict');
    });

    test('sweeps what has expired, some at a time, and no version', async () => {
      const claims = claimer();
      const old = Array.from({ length: 25 }, (_, index) => claims([idempotency(`old ${index}`)], { received_at_ms: 0 }));
      await stores.first.commit({ ...NOTHING, claim: old, now_ms: 1 });
      await stores.first.commit({ ...NOTHING, confirm: old.map(({ event_id }) => event_id) });
      await confirmed(stores.first, claims([version('abc')]));
      await confirmed(stores.first, claims([idempotency('young')]));
      const swept = [await stores.first.sweep(NOW_MS, 20), await stores.first.sweep(NOW_MS, 20), await stores.first.sweep(NOW_MS, 20)];
      assert.deepEqual(swept, [20, 5, 0]);
      assert.equal(await kindOf(stores.first, claims([idempotency('young')])), 'repeated');
      assert.equal(await kindOf(stores.first, claims([version('def')])), 'conflict');
    });

    test('tells apart names of any characters and any length', async () => {
      const claims = claimer();
      const names = [
        '',
        '\0',
        'a\0',
        'a',
        'A',
        'é',
        'e\u0301',
        '\ud800',
        '\ud801',
        '🚀',
        'x'.repeat(10_000),
        `${'x'.repeat(9_999)}y`,
        "'; --",
      ];
      const batch = names.flatMap((product) => names.map((name) => claims([version(`${product}/${name}`, name, product)])));
      const outcomes = await stores.first.commit({ ...NOTHING, claim: batch });
      assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['claimed']));
      await stores.first.commit({ ...NOTHING, release: batch.map(({ event_id }) => event_id) });
    });

    test('grants a claim again to the event that has it: an answer may have been lost', async () => {
      const claims = claimer();
      const event = claims([version('abc'), idempotency('key')]);
      await ask(stores.first, event);
      assert.deepEqual(await ask(stores.first, event), { kind: 'claimed', is_held: true });
      await stores.first.commit({ ...NOTHING, confirm: [event.event_id] });
      await stores.first.commit({ ...NOTHING, confirm: [event.event_id], release: [randomUUID()] });
      assert.equal(await kindOf(stores.first, claims([idempotency('key')])), 'repeated');
    });

    test('lists after a restart what is undecided of this instance, and keeps what was decided', async () => {
      const claims = claimer();
      const decided = claims([version('abc', 'decided')]);
      await confirmed(stores.first, decided);
      const left = Array.from({ length: 7 }, (_, index) => claims([version('abc', `left ${index}`)], { table: `table_${index % 2}` }));
      await stores.first.commit({ ...NOTHING, claim: left });
      const reopened = await stores.reopenFirst();
      stores = { ...stores, first: reopened, second: stores.first === stores.second ? reopened : stores.second };
      const tables = new Map(left.map(({ event_id, table }) => [event_id, table]));
      const listed = new Map<string, string>();
      for (let after_event_id = ''; ; ) {
        const page = await reopened.pending(after_event_id, 3);
        for (const { event_id, table } of page) if (tables.has(event_id)) listed.set(event_id, table);
        if (page.length < 3) break;
        after_event_id = page.at(-1)?.event_id ?? '';
      }
      assert.deepEqual(new Map([...listed].sort()), new Map([...tables].sort()));
      assert.equal(await kindOf(reopened, claims([version('def', 'decided')])), 'conflict');
    });

    test('lets exactly one of hundreds of racing claims have each version', async () => {
      const seed = 4_711;
      const random = seededRandom(seed);
      const claims = claimer();
      const versions = 40;
      const events = Array.from({ length: 600 }, (_, index) => claims([version(`sha ${index}`, `version ${random.below(versions)}`)]));
      const shares = Array.from({ length: 60 }, (_, share) => events.slice(share * 10, share * 10 + 10));
      const answers = await Promise.all(
        shares.map((claim, share) => (share % 2 === 0 ? stores.first : stores.second).commit({ ...NOTHING, claim })),
      );
      const winners = events.filter((_, index) => answers[Math.floor(index / 10)]?.[index % 10]?.kind === 'claimed');
      assert.equal(winners.length, new Set(winners.map(({ keys }) => keys[0]?.key)).size, `seed=${seed}: a version was had twice`);
      assert.equal(winners.length, new Set(events.map(({ keys }) => keys[0]?.key)).size, `seed=${seed}: a version was had by nobody`);
      const confirm = winners.map(({ event_id }) => event_id);
      await Promise.all([stores.first.commit({ ...NOTHING, confirm }), stores.second.commit({ ...NOTHING, confirm })]);
      const losers = events.filter((event) => !winners.includes(event));
      const outcomes = await stores.second.commit({ ...NOTHING, claim: losers });
      assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['conflict']));
    });
  });
}

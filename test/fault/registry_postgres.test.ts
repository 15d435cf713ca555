/** The fleet's registry and everything that happens to a database server: daemons that race, a server that goes and comes, answers that are lost. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import type { GateRequest } from '../../src/contract/gate.ts';
import { Registry } from '../../src/registry/registry.ts';
import { idempotency, request, version } from '../support/claim_requests.ts';
import { CuttingProxy } from '../support/cutting_proxy.ts';
import { NEEDS_POSTGRES, PostgresServer, postgresPrograms } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const OBSERVER = { decided: () => undefined, committed: () => undefined, failed: () => undefined };
const RECOVERY_MS_MAX = 30_000;

describe('a fleet’s registry', { skip: NEEDS_POSTGRES }, () => {
  const endings: (() => Promise<void>)[] = [];
  const owner = { after: (ending: () => Promise<void>) => endings.push(ending) };
  let postgres: PostgresServer;

  before(async () => {
    postgres = await PostgresServer.create(owner, postgresPrograms() ?? '');
  });
  after(async () => {
    for (const ending of endings.reverse()) await ending();
  });

  async function daemon(url = postgres.url, directory?: string, stored: readonly string[] = []): Promise<Registry> {
    const own = directory ?? (await mkdtemp(join(tmpdir(), 'penstock-fleet-')));
    const records = { holds: async (_: string, ids: ReadonlySet<string>) => new Set(stored.filter((event_id) => ids.has(event_id))) };
    const random = { fraction: Math.random, uuid: randomUUID };
    const events = { each: async () => undefined };
    const rows = { eachUnsealed: async () => undefined };
    const ports = { clock: SYSTEM_CLOCK, random, records, events, rows, observers: { local: OBSERVER, fleet: OBSERVER } };
    const registry = new Registry(ports, { url, directory: own, version_tables: new Map() });
    await registry.start();
    owner.after(async () => {
      await registry.close();
      await rm(own, { recursive: true, force: true });
    });
    return registry;
  }

  async function publish({ gate }: Registry, event: GateRequest): Promise<string> {
    const verdict = await gate.admit(event);
    if (verdict.kind === 'admitted') gate.settle(event, true);
    return verdict.kind === 'refused' ? verdict.code : verdict.kind;
  }

  test('makes its table when many daemons start at once', async () => {
    await postgres.sql('DROP TABLE IF EXISTS penstock_claims', 'registry');
    const daemons = await Promise.all(Array.from({ length: 6 }, () => daemon()));
    assert.deepEqual(
      daemons.map((each) => each.problem()),
      daemons.map(() => undefined),
    );
  });

  test('gives a version to exactly one of two daemons that race for it', async () => {
    const daemons = [await daemon(), await daemon()];
    const outcomes = await Promise.all(
      Array.from({ length: 400 }, async (_, index) => {
        const name = `raced ${Math.floor(index / 4)}`;
        const registry = daemons[index % 2];
        assert.ok(registry);
        return { name, sha: `sha ${index}`, outcome: await publish(registry, request([version(`sha ${index}`, name)])) };
      }),
    );
    for (let each = 0; each < 100; each++) {
      const of_version = outcomes.filter(({ name }) => name === `raced ${each}`).map(({ outcome }) => outcome);
      assert.deepEqual(of_version.sort(), ['admitted', 'version_conflict', 'version_conflict', 'version_conflict']);
    }
  });

  test('does not let anybody wait for ever for a daemon that is gone, and that daemon’s next start decides', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'penstock-fleet-'));
    const gone = await daemon(postgres.url, directory);
    const other = await daemon();
    const [stored, lost] = [request([version('abc', 'gone, stored')]), request([version('abc', 'gone, lost')])];
    await Promise.all([gone.gate.admit(stored), gone.gate.admit(lost)]);
    assert.equal(await publish(other, request([version('def', 'gone, stored')])), 'claim_undecided');
    await gone.close();
    await daemon(postgres.url, directory, [stored.event_id]);
    assert.equal(await publish(other, request([version('def', 'gone, stored')])), 'version_conflict');
    assert.equal(await publish(other, request([version('def', 'gone, lost')])), 'admitted');
  });

  test('claims again when an answer is lost after the commit: nothing is taken from oneself', async () => {
    const proxy = await CuttingProxy.create(owner, postgres.port);
    const registry = await daemon(postgres.url.replace(`:${postgres.port}/`, `:${proxy.port}/`));
    assert.equal(await publish(registry, request([version('abc', 'cut 0')])), 'admitted');
    for (let cut = 1; cut <= 5; cut++) {
      const event = request([version('abc', `cut ${cut}`), idempotency(`cut ${cut}`)]);
      proxy.cuts = 1;
      assert.equal(await publish(registry, event), 'admitted', `cut ${cut}`);
      assert.equal(proxy.cuts, 0);
    }
    proxy.cuts = 1_000;
    assert.equal(await publish(registry, request([version('abc', 'lost')])), 'registry_unavailable');
    proxy.cuts = 0;
    const other = await daemon();
    await until('what was left is released', RECOVERY_MS_MAX, async () => {
      await publish(registry, request([version('abc', `after ${randomUUID()}`)]));
      return (await publish(other, request([version('def', 'lost')]))) === 'admitted';
    });
  });

  test('refuses while the server is away, recovers by itself, and stores nothing by halves', async (context) => {
    const daemons = [await daemon(), await daemon()];
    const outcomes = new Map<string, { event: GateRequest; outcome: string }>();
    let is_running = true;
    // Also when the test fails: clients without an end would keep its file from ending.
    context.after(() => {
      is_running = false;
    });
    const client = async (number: number): Promise<void> => {
      for (let count = 0; is_running; count++) {
        const name = `load ${number} ${count}`;
        const event = request([version('abc', name), idempotency(name)]);
        const registry = daemons[number % 2];
        assert.ok(registry);
        outcomes.set(name, { event, outcome: await publish(registry, event) });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const clients = Promise.all(Array.from({ length: 20 }, (_, number) => client(number)));
    const count = (wanted: string): number => [...outcomes.values()].filter(({ outcome }) => outcome === wanted).length;
    await until('events are admitted', RECOVERY_MS_MAX, () => count('admitted') > 50);
    for (let outage = 1; outage <= 2; outage++) {
      const refused_before = count('registry_unavailable');
      await postgres.stop();
      await until('events are refused', RECOVERY_MS_MAX, () => count('registry_unavailable') > refused_before + 50);
      await postgres.start();
      const admitted_before = count('admitted');
      await until('events are admitted again', RECOVERY_MS_MAX, () => count('admitted') > admitted_before + 50);
    }
    is_running = false;
    await clients;
    await Promise.all(daemons.map((registry) => registry.flush('events')));
    assert.deepEqual(new Set([...outcomes.values()].map(({ outcome }) => outcome)), new Set(['admitted', 'registry_unavailable']));
    const judge = await daemon();
    await until('nothing is pending', RECOVERY_MS_MAX, async () => {
      const [row] = await postgres.sql(
        `SELECT count(*) AS left FROM penstock_claims WHERE event_id IS NOT NULL AND label LIKE '%load%'`,
        'registry',
      );
      return row?.['left'] === '0';
    });
    const keys = await Promise.all([...outcomes.keys()].map((name) => publish(judge, request([idempotency(name)]))));
    const versions = await Promise.all([...outcomes.keys()].map((name) => publish(judge, request([version('def', name)]))));
    for (const [index, [name, { outcome }]] of [...outcomes].entries()) {
      const expected = outcome === 'admitted' ? ['repeated', 'version_conflict'] : ['admitted', 'admitted'];
      assert.deepEqual([keys[index], versions[index]], expected, name);
    }
  });

  test('never names its password', async () => {
    const wrong = await daemon(postgres.url.replace(`:${postgres.port}/`, ':1/'));
    const told = wrong.problem() ?? '';
    assert.match(told, /cannot be reached/);
    for (const secret of [postgres.password, encodeURIComponent(postgres.password)]) assert.equal(told.includes(secret), false);
  });
});

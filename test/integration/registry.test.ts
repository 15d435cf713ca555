/** The daemon and a fleet's registry that it cannot reach: it says so, and everything that claims nothing goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonHome } from '../support/daemon.ts';

test('a registry that is away ends neither readiness nor the acknowledgement of reports, and its password is nowhere', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_REGISTRY__URL: 'postgres://penstock:hunter2@127.0.0.1:1/registry' });
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  const report = JSON.stringify({ events: [{ event_type: 'rollback', release_id: 'r', distinct_id: 'd' }] });
  assert.equal((await daemon.post('/api/deploy/report', report, { 'x-api-key': key })).status, 202);
  const ready = await fetch(daemon.url('/readyz'));
  const { registry }: { registry: { embedded: boolean; problem: string } } = JSON.parse(await ready.text());
  assert.deepEqual([ready.status, registry.embedded], [200, false]);
  assert.match(registry.problem, /^The registry of versions cannot be reached \(connect ECONNREFUSED 127\.0\.0\.1:1\)/);
  const metrics = await (await fetch(daemon.adminUrl('/metrics'))).text();
  assert.match(metrics, /^penstock_registry_up\{registry="fleet"\} 0$/m);
  assert.equal(await daemon.stop(), 0);
  assert.match(daemon.stdout, /"event":"registry_away"/);
  assert.doesNotMatch(daemon.stdout + daemon.stderr + metrics + registry.problem, /hunter2/);
});

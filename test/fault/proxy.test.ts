/** The short run of a network that fails between the daemon and ClickHouse; `npm run test:long` goes on with other seeds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyRun } from '../support/proxy_run.ts';

const SEED = 20_261_121;

test(`every acknowledged event is in ClickHouse exactly once when half of all requests to it fail, before or after the commit (seed=${SEED})`, async (context) => {
  const { faults, ...audit } = await proxyRun(context, { seed: SEED, faulty_ms: 8_000, kills: 1, pause_ms: 20 });
  const told = JSON.stringify({ ...audit, faults: Object.fromEntries(faults) });
  context.diagnostic(told);
  assert.ok(audit.acknowledged > 100, told);
  assert.deepEqual([audit.lost, audit.duplicates, audit.wrong], [0, 0, 0], told);
});

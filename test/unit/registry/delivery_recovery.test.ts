/** What was delivered before a crash is looked for in the spool before any of it goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hookRequest } from '../../support/claim_requests.ts';
import { directoryOf, startRegistry, summary } from '../../support/registry_life.ts';
import { until } from '../../support/until.ts';

test('where the spool cannot be read after a crash, no segment with deliveries goes before it was', async (context) => {
  const directory = await directoryOf(context);
  const before = await startRegistry(directory);
  const hook = hookRequest('hook');
  assert.equal(summary(await before.gate.admit(hook)), 'admitted');
  // Its fate is open, so that the next start looks through the spool.
  await before.close();
  const after = await startRegistry(directory, { stored: [hook.event_id], failures: 1 });
  let is_flushed = false;
  const flushed = after.flush(hook.table).then(() => {
    is_flushed = true;
  });
  await after.flush('a_table_without_deliveries');
  assert.equal(is_flushed, false);
  await until('the spool was looked through', 5_000, () => is_flushed);
  await flushed;
  assert.equal(summary(await after.gate.admit(hook)), 'repeated');
  await after.close();
});

test('a segment that waits for the spool to be looked through is let go of when the registry closes', async (context) => {
  const directory = await directoryOf(context);
  const before = await startRegistry(directory);
  const hook = hookRequest('hook');
  await before.gate.admit(hook);
  await before.close();
  const after = await startRegistry(directory, { failures: Number.POSITIVE_INFINITY });
  const refusal = assert.rejects(after.flush(hook.table), { code: 'shutting_down' });
  await after.close();
  await refusal;
});

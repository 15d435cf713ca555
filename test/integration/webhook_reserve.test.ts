/** Other sources fill the spool to its limit; what is kept for webhooks is still theirs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonHome } from '../support/daemon.ts';
import { exampleWebhooks } from '../support/webhooks.ts';

test('webhooks are taken when other sources have filled their share of the spool', async (context) => {
  const home = await DaemonHome.create(context, {
    PENSTOCK_CLICKHOUSE__URL: 'http://127.0.0.1:1',
    PENSTOCK_SPOOL__BYTES_MAX: String(64 * 2 ** 20),
    PENSTOCK_SPOOL__SEAL_BYTES_MAX: String(4 * 2 ** 20),
    PENSTOCK_SPOOL__QUEUED_BYTES_MAX: String(64 * 2 ** 20),
    PENSTOCK_SPOOL__FREE_BYTES_MIN: '0',
  });
  const key = await home.createKey('webhook');
  const deploy_key = await home.createKey('deploy');
  const daemon = await home.start();
  const metadata = 'x'.repeat(1_000_000);
  let status = 202;
  for (let count = 0; count < 200 && status === 202; count++) {
    const events = [{ event_type: 'rollback', release_id: 'r', distinct_id: `d${count}`, metadata: `${metadata}${count}` }];
    const answer = await daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': deploy_key });
    status = answer.status;
  }
  assert.equal(status, 503);
  for (const { body } of exampleWebhooks()) {
    const answer = await daemon.post('/webhooks/bugsee', body, { 'x-api-key': key });
    assert.equal(answer.status, 200, await answer.text());
  }
});

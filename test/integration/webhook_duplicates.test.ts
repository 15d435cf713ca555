/** A webhook that comes again, as its sender's retries do: one row, and the sender is told that it is a duplicate. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';
import { exampleText, webhookText } from '../support/webhooks.ts';

const AT_ONCE = 20;

function webhook(id: string, text = ''): string {
  return webhookText('issue.comment', exampleText('issue.comment').replace('asap!', text), id);
}

/** Sends a webhook; resolves to the status that the answer says. */
async function send(daemon: RunningDaemon, key: string, body: string): Promise<string> {
  const answer = await daemon.post('/webhooks/bugsee', body, { 'x-api-key': key });
  assert.equal(answer.status, 200);
  const { status }: { status: string } = JSON.parse(await answer.text());
  return status;
}

test('the same webhook is stored once: sent again, sent at once, after a restart, after a kill -9', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('webhook');
  const other_key = await home.createKey('webhook', { project_id: 'proj_other' });
  const first = await home.start();
  assert.equal(await send(first, key, webhook('a')), 'accepted');
  assert.equal(await send(first, key, webhook('a')), 'duplicate');
  assert.equal(await send(first, other_key, webhook('a')), 'duplicate');
  assert.equal(await send(first, key, webhook('a', 'another text')), 'accepted');
  const at_once = await Promise.all(Array.from({ length: AT_ONCE }, () => send(first, key, webhook('b'))));
  assert.deepEqual(at_once.toSorted(), ['accepted', ...Array<string>(AT_ONCE - 1).fill('duplicate')]);
  assert.equal(await first.stop(), 0);

  const second = await home.start();
  assert.equal(await send(second, key, webhook('b')), 'duplicate');
  assert.equal(await send(second, key, webhook('c')), 'accepted');
  await second.stop('SIGKILL');

  const third = await home.start();
  for (const id of ['a', 'b', 'c']) assert.equal(await send(third, key, webhook(id)), 'duplicate', id);
  await until('all are delivered', 10_000, async () => (await third.count('webhook_events')) === 4);
  const rows = await third.query(
    'SELECT id, toUInt32(count()) AS rows, toUInt32(uniqExact(event_id)) AS ids FROM webhook_events GROUP BY id ORDER BY id',
  );
  assert.deepEqual(rows, [
    { id: 'a', rows: 2, ids: 2 },
    { id: 'b', rows: 1, ids: 1 },
    { id: 'c', rows: 1, ids: 1 },
  ]);
});

test('a webhook that is killed before its answer and sent again stands in the table once', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('webhook');
  const sent = 5;
  for (let round = 0; round < 3; round++) {
    const daemon = await home.start();
    const answers = Array.from({ length: sent }, (_, index) => send(daemon, key, webhook(`${round}-${index}`)).catch(() => 'none'));
    await Promise.race(answers);
    await daemon.stop('SIGKILL');
    await Promise.all(answers);
    const again = await home.start();
    for (let index = 0; index < sent; index++) await send(again, key, webhook(`${round}-${index}`));
    assert.equal(await again.stop(), 0);
  }
  const daemon = await home.start();
  await until('all are delivered', 10_000, async () => (await daemon.count('webhook_events')) === 3 * sent);
});

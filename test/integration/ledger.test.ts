/** The books of a real daemon: true in every answer, across stops and kills, from the daemon and from its files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerAnswer } from '../../src/contract/ledger.ts';
import { DELIVERY_MS_MAX, ledgerOf, SOON, send, untilDelivered, verify } from '../support/books.ts';
import { DaemonHome } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const LOAD_MS_MAX = 60_000;

test('every event ends in one counted outcome, across a stop and a kill, and the command says the same with and without a daemon', async (context) => {
  const home = await DaemonHome.create(context, SOON);
  const key = await home.createKey('deploy');
  const first = await home.start();
  await send(first, key, ['a', 'b'], 1);
  await send(first, key, [], 2);
  await untilDelivered(first, 2);
  const books = await ledgerOf(first);
  assert.deepEqual(books.by_source['deploy_report'], {
    received: 5,
    accepted: 2,
    rejected: { missing_field: 3 },
    delivered: 2,
    spooled: 0,
    dead_lettered: 0,
  });
  assert.equal(await first.stop(), 0);
  const offline = await home.command(['ledger', '--json']);
  assert.deepEqual([offline.code, JSON.parse(offline.stdout)], [0, books], offline.stderr);

  const second = await home.start({ PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '60000' });
  assert.deepEqual(await ledgerOf(second), books);
  await send(second, key, ['c'], 1);
  await second.stop('SIGKILL');
  const between: LedgerAnswer = JSON.parse((await home.command(['ledger', '--json'])).stdout);
  assert.deepEqual([between.received, between.accepted, between.spooled], [7, 3, 1]);
  const third = await home.start();
  await untilDelivered(third, 3);
  const { code, stdout } = await home.command(['ledger']);
  assert.equal(code, 0);
  assert.match(stdout, /^SOURCE +RECEIVED +REJECTED +ACCEPTED +DELIVERED +SPOOLED +DEAD-LETTERED$/m);
  assert.match(stdout, /^deploy_report +7 +4 +3 +3 +0 +0$/m);
  const metrics = await (await fetch(third.adminUrl('/metrics'))).text();
  assert.match(metrics, /^penstock_ledger_unbalanced 0$/m);
  assert.match(metrics, /^penstock_ledger_delivered_events\{source="deploy_report"\} 3$/m);
});

test('under load every answer balances, and verify accuses nobody while events stream in', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  const events = 30_000;
  let is_over = false;
  const load = home
    .command(['load', '--url', daemon.url(''), '--key', key, '--events', String(events), '--rate', '3000', '--seed', '7', '--json'])
    .finally(() => {
      is_over = true;
    });
  await until('events arrive', DELIVERY_MS_MAX, async () => (await ledgerOf(daemon)).delivered > 0);
  const verifying = verify(home);
  let answers = 0;
  await until('the load has ended', LOAD_MS_MAX, async () => {
    await ledgerOf(daemon);
    answers++;
    return is_over;
  });
  assert.ok(answers > 10, `${answers} answers`);
  const { code, verdict } = await verifying;
  assert.deepEqual([code, verdict.discrepancies], [0, []]);
  const report = await load;
  assert.equal(report.code, 0, report.stderr);
  await until('nothing is spooled', DELIVERY_MS_MAX, async () => (await ledgerOf(daemon)).spooled === 0);
  const { received, delivered } = await ledgerOf(daemon);
  // A busy machine may make the load send a batch again: what counts is that the books say what ClickHouse holds.
  assert.deepEqual([received, await daemon.count('deploy_events')], [delivered, delivered], report.stdout);
  assert.ok(delivered >= events, report.stdout);
});

test('the books of a data directory that is not there are no books, and the command says which is missing', async (context) => {
  const home = await DaemonHome.create(context);
  const missing = `${home.data_dir}/nowhere`;
  const { code, stderr } = await home.command(['ledger'], { PENSTOCK_DATA_DIR: missing });
  assert.equal(code, 1);
  assert.ok(stderr.includes(`There is no data directory ${missing}.`), stderr);
});

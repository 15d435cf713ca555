/** One event through every place that it can be in, as `trace` sees it beside a daemon and without one. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { uuidText } from '../../src/base/uuid.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { Identities } from '../../src/pipeline/worker/identity.ts';
import { DELIVERY_MS_MAX, SOON, untilDelivered } from '../support/books.ts';
import { DaemonHome, type RunningDaemon, type Settings } from '../support/daemon.ts';
import { freePort } from '../support/free_port.ts';
import { allowPoison, forbidPoison, refused } from '../support/poisoned_fleet.ts';
import { until } from '../support/until.ts';

const NEVER_SEALED = { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '3600000' };

interface Traced {
  readonly code: number;
  readonly state: string;
  readonly copies: number;
  readonly clickhouse_problem?: string;
  readonly places: readonly {
    readonly place: string;
    readonly segment: string;
    readonly table: string;
    readonly copies: number;
    readonly received_at?: string;
    readonly sealed_at?: string;
    readonly delivered_at?: string;
    readonly reason?: { readonly code: string; readonly message: string };
  }[];
}

async function trace(home: DaemonHome, event_id: string, settings: Settings = {}): Promise<Traced> {
  const { code, stdout, stderr } = await home.command(['trace', event_id, '--json'], settings);
  assert.equal(stderr, '');
  return { code, ...JSON.parse(stdout) };
}

async function sendPoison(daemon: RunningDaemon, key: string): Promise<void> {
  const body = JSON.stringify({ events: [{ event_type: 'rollback', release_id: 'poison', distinct_id: 'device', event_id: 'mine' }] });
  assert.equal((await daemon.post('/api/deploy/report', body, { 'x-api-key': key })).status, 202);
}

/** The event's id, as workers make it of what was sent. */
function eventId(): string {
  const tenant = { organization_id: 'org_test', project_id: 'proj_test', environment: 'live' };
  return uuidText(new Identities(new Kernel()).ofTexts(['device', 'rollback', 'mine'], tenant));
}

test('an event is traced from the open segment to ClickHouse, by way of an outage and of the dead letters', async (context) => {
  const event_id = eventId();
  const home = await DaemonHome.create(context, SOON);
  const key = await home.createKey('deploy');
  const first = await home.start(NEVER_SEALED);
  const nowhere = await trace(home, randomUUID());
  assert.deepEqual([nowhere.code, nowhere.state, nowhere.places], [1, 'unknown', []]);
  await sendPoison(first, key);
  const open = await trace(home, event_id.toUpperCase());
  assert.deepEqual([open.code, open.state, open.copies, open.clickhouse_problem], [0, 'open', 1, undefined]);
  await forbidPoison(first);
  await first.stop('SIGKILL');

  const away = { PENSTOCK_CLICKHOUSE__URL: `http://default:@127.0.0.1:${await freePort()}` };
  const second = await home.start(away);
  const spool = join(home.data_dir, 'spool');
  await until('it is sealed', DELIVERY_MS_MAX, async () => (await readdir(spool)).some((name) => name.endsWith('.sealed')));
  const sealed = await trace(home, event_id, away);
  assert.deepEqual([sealed.code, sealed.state], [0, 'sealed']);
  assert.match(sealed.clickhouse_problem ?? '', /No answer from http:/);
  assert.ok(sealed.places[0]?.sealed_at !== undefined);
  const { code, stdout } = await home.command(['trace', randomUUID()], away);
  assert.equal(code, 1);
  assert.match(stdout, /^Whether ClickHouse has it cannot be known now: No answer/m);
  await second.stop();

  const third = await home.start();
  await until('it is a dead letter', DELIVERY_MS_MAX, async () => (await refused(third)).dead_letters === 1);
  const letter = await trace(home, event_id);
  assert.equal(letter.state, 'dead_letter');
  assert.equal(letter.places[0]?.reason?.code, '469');
  assert.match(letter.places[0]?.reason?.message ?? '', /no_poison/);
  await allowPoison(third);
  await home.command(['dead-letter', 'replay', '--all']);
  await sendPoison(third, key);
  await untilDelivered(third, 2);
  const delivered = await trace(home, event_id);
  assert.deepEqual([delivered.code, delivered.state, delivered.copies, delivered.places.length], [0, 'delivered', 2, 2]);
  assert.ok(delivered.places.every(({ delivered_at }) => delivered_at !== undefined));
  const [row] = await third.query<{ segments: string[] }>('SELECT groupArray(toString(ingest_segment)) AS segments FROM deploy_events');
  assert.deepEqual(delivered.places.map(({ segment }) => segment).sort(), row?.segments.sort());
  assert.match((await home.command(['trace', event_id])).stdout, /^There are 2 copies/m);
});

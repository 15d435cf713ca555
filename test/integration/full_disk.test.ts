/** No room: the daemon refuses in time and in words, loses nothing, and goes on by itself when ClickHouse or a person makes room. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { untilDelivered } from '../support/crash_run.ts';
import { DaemonHome, type RunningDaemon, type Settings } from '../support/daemon.ts';
import { DeviceLoad } from '../support/device_load.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

const DEVICES = 2;
/** Long events fill a spool with few requests, however busy the machine is. */
const PADDING_BYTES = 4000;
const MORE_EVENTS = 100;
/** More than what may still fit into a spool that calls itself full. */
const REFUSED_BYTES = 400_000;
const REFUSED_MS_MAX = 45_000;
const READY_AGAIN_MS_MAX = 45_000;
const SMALL: Settings = {
  PENSTOCK_SPOOL__SEAL_BYTES_MAX: '1 MiB',
  PENSTOCK_SPOOL__RESERVE_BYTES: '0',
  PENSTOCK_DELIVERY__RETRY_DELAY_MS_MAX: '500',
};

/** By then whatever was open is sealed. */
const SEALED_MS = 2_000;

interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

async function readiness(daemon: RunningDaemon): Promise<Readiness> {
  const told: Readiness = JSON.parse(await (await fetch(daemon.url('/readyz'))).text());
  return told;
}

/** The refusal of one event: its code, after checking that it says when to come back. */
async function refusal(daemon: RunningDaemon, key: string): Promise<string> {
  const events = [{ event_type: 'rollback', release_id: 'refused', distinct_id: 'x', metadata: 'x'.repeat(REFUSED_BYTES) }];
  const answer = await daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': key });
  const { error }: { error: string } = JSON.parse(await answer.text());
  assert.equal(answer.status, 503);
  assert.match(answer.headers.get('Retry-After') ?? '', /^[1-9]\d*$/);
  return error;
}

/** Loads a daemon that delivers nothing until it refuses, then brings ClickHouse back; at the end everything acknowledged is there once. */
async function runOutOfRoom(context: TestContext, settings: Settings, code: string): Promise<void> {
  const home = await DaemonHome.create(context, { ...SMALL, ...settings });
  const key = await home.createKey('deploy');
  const daemon = await home.start({ PENSTOCK_CLICKHOUSE__URL: `http://default@127.0.0.1:${home.engine_port}` });
  let engine: TestEngine | undefined;
  const query = async <Row>(sql: string): Promise<Row[]> => engine?.query<Row>(sql) ?? [];
  const endpoint = { post: daemon.post.bind(daemon), query };
  const load = new DeviceLoad(endpoint, key, { devices: DEVICES, padding_bytes: PADDING_BYTES });
  context.after(() => load.stop());
  // Sealing makes room, so that what refuses for a moment may take again: it is full once it refuses with everything sealed.
  do {
    load.start();
    await until('the daemon is not ready', REFUSED_MS_MAX, async () => !(await readiness(daemon)).ready);
    await load.stop();
    await setTimeout(SEALED_MS);
  } while ((await readiness(daemon)).ready);
  assert.equal(await refusal(daemon, key), code);
  const taken_while_full = load.acknowledgedEvents();

  engine = await startEngine(context, home.engine_port);
  load.start();
  await until('events are taken again', READY_AGAIN_MS_MAX, () => load.acknowledgedEvents() > taken_while_full + MORE_EVENTS);
  await load.stop();
  await untilDelivered(daemon, READY_AGAIN_MS_MAX);
  const audit = await load.audit();
  assert.deepEqual([audit.lost, audit.duplicates, audit.wrong], [0, 0, 0], JSON.stringify(audit));
  assert.deepEqual(await readiness(daemon).then(({ ready }) => ready), true);
}

test('a full spool refuses with Retry-After, and takes again when ClickHouse has made room', async (context) => {
  const settings = {
    PENSTOCK_SPOOL__BYTES_MAX: '4 MiB',
    PENSTOCK_SPOOL__QUEUED_BYTES_MAX: '2 MiB',
    PENSTOCK_HTTP__BODY_BYTES_MAX: '1 MiB',
  };
  await runOutOfRoom(context, settings, 'spool_full');
});

test('a disk that is really full refuses with Retry-After, tears no acknowledgement, and is used again when there is room', async (context) => {
  const disk = await mkdtemp(join(tmpdir(), 'penstock-disk-'));
  let is_mounted = false;
  const run = promisify(execFile);
  context.after(async () => {
    // Lazily: the daemon in it is ended by a hook of its own.
    if (is_mounted) await run('umount', ['--lazy', disk]);
    await rm(disk, { recursive: true, force: true });
  });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
    is_mounted = true;
  } catch {
    context.skip('this user may not mount a small disk here; run it as root');
    return;
  }
  await runOutOfRoom(context, { PENSTOCK_DATA_DIR: join(disk, 'data'), PENSTOCK_SPOOL__FREE_BYTES_MIN: '0' }, 'spool_unwritable');
});

test('a disk with less free space than it must keep refuses with Retry-After, and a reload with a lower floor ends it', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'penstock-config-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'penstock.yaml');
  const home = await DaemonHome.create(context, { PENSTOCK_CONFIG: file, PENSTOCK_CLICKHOUSE__URL: 'http://127.0.0.1:9' });
  await writeFile(file, 'spool: { free_bytes_min: 512 TiB }');
  const key = await home.createKey('deploy');
  const daemon = home.launch();
  await until('the daemon answers', REFUSED_MS_MAX, () =>
    readiness(daemon).then(
      () => true,
      () => false,
    ),
  );
  assert.match((await readiness(daemon)).reasons.join(), /bytes free and needs \d+ \(spool\.free_bytes_min/);
  assert.equal(await refusal(daemon, key), 'disk_nearly_full');
  assert.match(await (await fetch(daemon.adminUrl('/metrics'))).text(), /^penstock_spool_disk_free_bytes \d+$/m);
  await writeFile(file, 'spool: { free_bytes_min: 1 MiB, reserve_bytes: 0 }');
  daemon.child.kill('SIGHUP');
  await daemon.ready(READY_AGAIN_MS_MAX);
});

/** What most tests start on: a copy of a store whose migrations have run must be what a first start makes. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { copyStore, takeStore } from '../support/prepared_store.ts';

const EVENTS_COLUMNS = 'organization_id, event_id, timestamp, event_type';

/** Every table and view with all that was ever said of it, and the steps that are recorded. */
async function schemaOf(daemon: RunningDaemon): Promise<unknown> {
  return {
    tables: await daemon.query(`SELECT name, create_table_query FROM system.tables WHERE database = 'penstock' ORDER BY name`),
    steps: await daemon.query('SELECT table_name, version FROM schema_versions ORDER BY ALL'),
    mutations: await daemon.query(`SELECT table, command, is_done FROM system.mutations WHERE database = 'penstock' ORDER BY ALL`),
  };
}

async function filesOf(directory: string): Promise<Map<string, number>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(paths.map(async (path) => [relative(directory, path), (await stat(path)).ino] as const)));
}

test('a daemon on a copy of a prepared store migrates nothing, and has the tables of one that began empty', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'penstock-store-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const store = join(directory, 'store');
  const began_empty = await DaemonHome.createEmpty(context);
  const first = await began_empty.start();
  assert.match(first.stdout, /"event":"schema_migrated"/);
  const schema = await schemaOf(first);
  assert.equal(await first.stop(), 0);
  await takeStore(began_empty.data_dir, store);

  const home = await DaemonHome.createEmpty(context);
  await copyStore(store, home.data_dir);
  const [files, copied] = [await filesOf(store), await filesOf(join(home.data_dir, 'clickhouse'))];
  assert.ok(files.size > 20);
  assert.deepEqual([...copied.keys()].sort(), [...files.keys()].map((path) => join('engine', path)).sort());
  const inodes = new Set(files.values());
  assert.ok(![...copied.values()].some((inode) => inodes.has(inode)), 'what one engine writes, no other has');
  const second = await home.start();
  assert.doesNotMatch(second.stdout, /schema_migrated|schema_is_ahead/);
  assert.match(second.stdout, /curl /, 'it is its first start all the same: its keys are its own');
  assert.deepEqual(await schemaOf(second), schema);
  await second.query(`INSERT INTO deploy_events (${EVENTS_COLUMNS}) SELECT 'o', generateUUIDv4(), now64(3), 'rollback'`);
  assert.equal(await second.count('deploy_events'), 1);
});

/** The engine beside the daemon: who waits when there is no core for both. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { EmbeddedClickHouse } from '../../src/clickhouse/embedded/supervisor.ts';
import { until } from '../support/until.ts';

const SOON_MS_MAX = 5_000;
const RESTART_MS_MAX = 30_000;

interface Thread {
  readonly name: string;
  readonly niceness: number;
}

/** Of proc_pid_stat(5): the name stands in brackets, and the niceness is field 19, where what follows the bracket begins with field 3. */
function parseThread(stat: string): Thread {
  const name_end = stat.lastIndexOf(')');
  return { name: stat.slice(stat.indexOf('(') + 1, name_end), niceness: Number(stat.slice(name_end + 2).split(' ')[19 - 3]) };
}

async function threadsOf(pid = 0): Promise<readonly Thread[]> {
  const thread_ids = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(thread_ids.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8').catch(() => '')));
  return stats.filter((stat) => stat !== '').map(parseThread);
}

/** Of all threads of one name: the least, undefined where there is none. */
async function leastNiceness(engine: EmbeddedClickHouse, name: string): Promise<number | undefined> {
  const found = (await threadsOf(engine.pid)).filter((thread) => thread.name === name).map(({ niceness }) => niceness);
  return found.length === 0 ? undefined : Math.min(...found);
}

test('the engine steps back behind the daemon with all the threads that insert and merge, when it is told and after a restart', async (context) => {
  const data_directory = await mkdtemp(join(tmpdir(), 'penstock-niceness-'));
  const engine = new EmbeddedClickHouse({ data_directory, port: 0, clock: SYSTEM_CLOCK, on_log: () => undefined });
  context.after(async () => {
    await engine.stop(5_000);
    await rm(data_directory, { recursive: true, force: true, maxRetries: 5 });
  });
  await engine.start();
  const run = async (sql: string): Promise<void> => {
    const answer = await fetch(engine.url, { method: 'POST', body: sql });
    assert.equal(answer.status, 200, await answer.text());
  };
  await run('CREATE TABLE merged (a UInt32) ENGINE = MergeTree ORDER BY a');
  assert.equal(await leastNiceness(engine, 'node'), 0, 'it is waited for while it makes its tables');
  const work = async (values: readonly number[]): Promise<void> => {
    for (const value of values) await run(`INSERT INTO merged VALUES (${value})`);
    await run('OPTIMIZE TABLE merged FINAL');
  };
  // One that watches the engine's memory takes precedence where it may; it hardly runs.
  const assert_behind = async (): Promise<void> => {
    for (const name of ['node', 'ThreadPool', 'MergeMutate']) {
      await until(`every thread ${name} is behind`, SOON_MS_MAX, async () => ((await leastNiceness(engine, name)) ?? 0) > 0);
    }
  };
  await work([1, 2]);
  engine.stepBack();
  await work([3, 4]);
  await assert_behind();
  const { pid = 0 } = engine;
  process.kill(pid, 'SIGKILL');
  await until('it runs again', RESTART_MS_MAX, () => engine.state === 'ready' && engine.pid !== pid);
  await work([5, 6]);
  await assert_behind();
});

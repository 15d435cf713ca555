/** The engine beside the daemon: who waits when there is no core for both. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { EmbeddedClickHouse } from '../../src/clickhouse/embedded/supervisor.ts';

interface Thread {
  readonly name: string;
  readonly niceness: number;
}

/** Of proc_pid_stat(5): the name stands in brackets, and the niceness is field 19, where what follows the bracket begins with field 3. */
function parseThread(stat: string): Thread {
  const name_end = stat.lastIndexOf(')');
  return { name: stat.slice(stat.indexOf('(') + 1, name_end), niceness: Number(stat.slice(name_end + 2).split(' ')[19 - 3]) };
}

async function threadsOf(pid: number): Promise<readonly Thread[]> {
  const thread_ids = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(thread_ids.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8').catch(() => '')));
  return stats.filter((stat) => stat !== '').map(parseThread);
}

test('the engine steps back behind the daemon with all the threads that insert and merge', async (context) => {
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
  for (const value of [1, 2, 3]) await run(`INSERT INTO merged VALUES (${value})`);
  await run('OPTIMIZE TABLE merged FINAL');
  const threads = await threadsOf(engine.pid ?? 0);
  // One that watches the engine's memory takes precedence where it may; it hardly runs.
  for (const name of ['node', 'ThreadPool', 'MergeMutate']) {
    const found = threads.filter((thread) => thread.name === name).map(({ niceness }) => niceness);
    assert.ok(found.length > 0, `no thread ${name}`);
    assert.ok(Math.min(...found) > 0, `${name}: ${found}`);
  }
});

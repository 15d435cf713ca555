import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { lockDirectory } from '../../../../src/pipeline/spool/lock.ts';

const LOCK_MODULE = new URL('../../../../src/pipeline/spool/lock.js', import.meta.url).href;
const HOLDER = `import { lockDirectory } from '${LOCK_MODULE}';
await lockDirectory(process.argv[1]).then(() => { console.log('locked'); setInterval(() => {}, 1000); }, (error) => { console.log(error.code); });`;

function temporaryDirectory(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'penstock-lock-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Another process that takes the lock; resolves with what it says. */
async function startHolder(context: TestContext, directory: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => child.kill('SIGKILL'));
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.endsWith('\n')) break;
  }
  return { child, said: said.trim() };
}

test('the lock is had once, and again after it was given back', async (context) => {
  const directory = temporaryDirectory(context);
  const lock = await lockDirectory(directory);
  await assert.rejects(lockDirectory(directory), { code: 'data_dir_locked', context: { data_dir: directory, pid: `${process.pid}` } });
  await lock.release();
  await (await lockDirectory(directory)).release();
  assert.deepEqual(readdirSync(join(directory, 'lock')), []);
});

test('another process is kept out and told who has it; when the holder is killed the lock is free at once', async (context) => {
  const directory = temporaryDirectory(context);
  const { child, said } = await startHolder(context, directory);
  assert.equal(said, 'locked');
  await assert.rejects(lockDirectory(directory), { code: 'data_dir_locked', context: { data_dir: directory, pid: `${child.pid}` } });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await lockDirectory(directory)).release();
});

test('a holder that is stopped, and so cannot answer, still has the lock', async (context) => {
  const directory = temporaryDirectory(context);
  const { child } = await startHolder(context, directory);
  child.kill('SIGSTOP');
  await assert.rejects(lockDirectory(directory), { code: 'data_dir_locked' });
});

test('of many that ask at once exactly one has it', async (context) => {
  const directory = temporaryDirectory(context);
  for (let round = 0; round < 5; round++) {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)));
    const locks = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    assert.equal(
      locks.length,
      1,
      outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.message : 'locked')).join('; '),
    );
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'data_dir_locked');
    }
    await locks[0]?.release();
  }
});

test('a directory where no socket can be is refused with the reason', async () => {
  await assert.rejects(lockDirectory('/proc/penstock'), { code: 'data_dir_unwritable' });
});

test('a path that is too long for a socket is refused rather than shortened', async (context) => {
  const directory = join(temporaryDirectory(context), 'x'.repeat(120));
  await assert.rejects(lockDirectory(directory), { code: 'data_dir_unwritable' });
});

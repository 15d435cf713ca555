import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SYSTEM_CLOCK } from '../../../../src/base/system_clock.ts';
import { NodeKeyFile } from '../../../../src/pipeline/admission/node_key_file.ts';

/** Higher than any process id that Linux gives. */
const DEAD_PID = 2 ** 22 + 1;

/** The system's clock with timers that keep the test alive. */
const CLOCK = {
  ...SYSTEM_CLOCK,
  schedule: (delay_ms: number, callback: () => void) => {
    const timer = setTimeout(callback, delay_ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

async function makeDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'penstock-keys-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('the first update makes the directory and a file that only its owner reads, and leaves nothing else behind', async (context) => {
  const data_dir = join(await makeDirectory(context), 'new', 'data');
  const file = new NodeKeyFile(data_dir, CLOCK);
  assert.equal(await file.read(), undefined);
  assert.equal(await file.stamp(), undefined);
  await file.update(() => 'first');
  assert.equal(await file.read(), 'first');
  assert.equal((await stat(file.path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(data_dir), ['keys.json']);
});

test('the stamp changes with every update, also of equal size', async (context) => {
  const file = new NodeKeyFile(await makeDirectory(context), CLOCK);
  const stamps = new Set<string | undefined>();
  for (const text of ['aaaa', 'bbbb', 'cccc']) {
    await file.update(() => text);
    stamps.add(await file.stamp());
  }
  assert.equal(stamps.size, 3);
});

test('concurrent writers lose no update', async (context) => {
  const data_dir = await makeDirectory(context);
  const writers = Array.from({ length: 10 }, () => new NodeKeyFile(data_dir, CLOCK));
  await Promise.all(writers.map((writer, index) => writer.update((text = '') => `${text}${index},`)));
  const text = await readFile(join(data_dir, 'keys.json'), 'utf8');
  assert.deepEqual(text.split(',').filter(Boolean).map(Number).toSorted(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(await readdir(data_dir), ['keys.json']);
});

test('an update that throws or declines leaves the file as it is, and the lock free', async (context) => {
  const file = new NodeKeyFile(await makeDirectory(context), CLOCK);
  await file.update(() => 'kept');
  const stamp = await file.stamp();
  await assert.rejects(
    file.update(() => assert.fail('declined')),
    /declined/,
  );
  await file.update(() => undefined);
  assert.deepEqual([await file.read(), await file.stamp()], ['kept', stamp]);
});

test('the lock of a process that died is taken away', async (context) => {
  const file = new NodeKeyFile(await makeDirectory(context), CLOCK);
  await writeFile(`${file.path}.lock`, `${DEAD_PID} some-token`);
  await file.update(() => 'written');
  assert.equal(await file.read(), 'written');
});

test('a lock that is older than any change takes is taken away, though a process of its number lives', async (context) => {
  const file = new NodeKeyFile(await makeDirectory(context), CLOCK);
  await writeFile(`${file.path}.lock`, `${process.pid} some-token`);
  await utimes(`${file.path}.lock`, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
  await file.update(() => 'written');
  assert.equal(await file.read(), 'written');
});

test('a lock that is held all the time ends in an error that names its holder', async (context) => {
  const hurried = { ...CLOCK, schedule: (_: number, callback: () => void) => CLOCK.schedule(0, callback), monotonicMs: makeHurry() };
  const file = new NodeKeyFile(await makeDirectory(context), hurried);
  await writeFile(`${file.path}.lock`, `${process.pid} some-token`);
  const pid = new RegExp(`process ${process.pid}`);
  await assert.rejects(
    file.update(() => 'never'),
    { code: 'keys_locked', message: pid },
  );
  assert.equal(await file.read(), undefined);
});

test('a directory that cannot be written or a file that cannot be read is said in one line', async (context) => {
  const directory = await makeDirectory(context);
  await writeFile(join(directory, 'file'), '');
  const nowhere = new NodeKeyFile(join(directory, 'file', 'data'), CLOCK);
  await assert.rejects(
    nowhere.update(() => 'never'),
    { code: 'keys_unwritable', message: /ENOTDIR|EEXIST/ },
  );
  const is_directory = new NodeKeyFile(join(directory, 'other'), CLOCK);
  await is_directory.update(() => 'x');
  await rm(is_directory.path);
  await mkdir(is_directory.path);
  await assert.rejects(is_directory.read(), { code: 'keys_unreadable', message: /EISDIR/ });
});

/** A monotonic clock on which each look costs a second. */
function makeHurry(): () => number {
  let now_ms = 0;
  return () => (now_ms += 1000);
}

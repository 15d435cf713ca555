/** The embedded registry on a disk that is full: nothing is claimed, the process lives, and it goes on when there is room again. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { publish, startClaiming } from '../support/claiming_child.ts';
import { until } from '../support/until.ts';

const CHILD = fileURLToPath(new URL('../support/claiming_child.js', import.meta.url));
/** No file of the child may grow beyond it. The registry's is 1 to 2 MiB longer than what it uses; the spool's are smaller. */
const FILE_KIB_MAX = 3 * 1024;
const WAIT_MS_MAX = 60_000;

test('a registry that cannot be written refuses claims, and takes them again once it can', async (context) => {
  const data_dir = await mkdtemp(join(tmpdir(), 'penstock-claims-'));
  context.after(() => rm(data_dir, { recursive: true }));
  // With the signal ignored, a write beyond the limit fails as on a full disk. LMDB tells each failure on stderr as well.
  const line = `trap '' XFSZ; ulimit -Sf ${FILE_KIB_MAX}; exec "$0" "$@"`;
  const child = spawn('bash', ['-c', line, process.execPath, CHILD, data_dir, 'full'], { stdio: ['ignore', 'pipe', 'ignore'] });
  context.after(() => child.kill('SIGKILL'));
  const ended = once(child.stdout, 'end');
  const by_outcome = new Map<string, string[]>();
  let rest = '';
  child.stdout.on('data', (chunk) => {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const [outcome = '', name = ''] of lines.map((each) => each.split(' '))) {
      by_outcome.set(outcome, [...(by_outcome.get(outcome) ?? []).slice(-1_000), name]);
    }
  });
  const last = (outcome: string): string => by_outcome.get(outcome)?.at(-1) ?? '';
  await until('claims are refused', WAIT_MS_MAX, () => last('registry_unavailable') !== '');
  const stored_before = last('stored');
  execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited']);
  await until('claims are taken again', WAIT_MS_MAX, () => last('stored') !== stored_before && by_outcome.has('stored'));
  child.kill('SIGKILL');
  await ended;
  assert.deepEqual([...by_outcome.keys()].sort(), ['asked', 'registry_unavailable', 'stored']);
  const daemon = await startClaiming(data_dir);
  assert.equal(await publish(daemon, last('stored'), 'another sha'), 'version_conflict');
  assert.equal(await publish(daemon, last('registry_unavailable'), 'another sha'), 'stored');
  await daemon.registry.close();
  await daemon.spool.close();
});

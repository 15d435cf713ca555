import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SYSTEM_CLOCK } from '../../../src/base/system_clock.ts';
import { Replay } from '../../../src/cli/dead_letter/replay.ts';
import { DEAD_LETTER_COMMANDS } from '../../../src/cli/dead_letter.ts';
import type { Clock } from '../../../src/contract/ports.ts';
import { LetterDesk } from '../../../src/pipeline/spool/letter_desk.ts';
import { formatDescription } from '../../../src/pipeline/spool/letter_files.ts';
import { MemoryFs } from '../../support/memory_fs.ts';
import { until } from '../../support/until.ts';
import { Paper, runOnce } from './terminal.ts';

const STEM = '000000000012-deploy_events-202611-3f2a90c1-0000-4000-8000-000000000001';
const REPLAY_MS_MAX = 5_000;

/** The system's clock with timers that keep the test alive. */
const CLOCK: Clock = {
  ...SYSTEM_CLOCK,
  schedule: (delay_ms, callback) => {
    const timer = setTimeout(callback, delay_ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

function oneLetter(): MemoryFs {
  const fs = new MemoryFs();
  const description = formatDescription({
    segment: '3f2a90c1-0000-4000-8000-000000000001',
    table: 'deploy_events',
    source: 'deploy_report',
    reason: { code: '469', message: 'Constraint `c` is violated' },
    rejected_at: '2026-11-21T10:00:00.000Z',
    received_at: '2026-11-21T09:59:59.000Z',
    content: { release_id: 'poison' },
  });
  fs.plant(`/data/dead_letter/${STEM}.json`, Buffer.from(description));
  fs.plant(`/data/dead_letter/${STEM}.sealed`, Buffer.from('segment'));
  return fs;
}

test('a data directory without dead letters has none to list, show or replay', async (context) => {
  const data_dir = await mkdtemp(join(tmpdir(), 'penstock-letters-'));
  context.after(() => rm(data_dir, { recursive: true, force: true }));
  const run = (...line: string[]) => runOnce(['dead-letter', ...line], [DEAD_LETTER_COMMANDS], { PENSTOCK_DATA_DIR: data_dir });
  assert.deepEqual(await run('list'), { code: 0, stdout: 'There are no dead letters.\n', stderr: '' });
  assert.deepEqual(await run('list', '--json'), { code: 0, stdout: '[]\n', stderr: '' });
  assert.deepEqual(await run('replay', '--all'), { code: 0, stdout: '0 delivered, 0 came back.\n', stderr: '' });
  const unknown = await run('show', 'abc');
  assert.deepEqual([unknown.code, unknown.stderr], [1, 'There is no dead letter abc. dead-letter list shows what there is.\n']);
});

test('replay wants ids or --all, and not both', async () => {
  for (const line of [['replay'], ['replay', '--all', 'abc']]) {
    const { code, stderr } = await runOnce(['dead-letter', ...line], [DEAD_LETTER_COMMANDS]);
    assert.equal(code, 2);
    assert.match(stderr, /^Give the ids to replay, or --all\. Try --help\.\nUsage: .* dead-letter replay \[ID…\] \[options\]\n$/);
  }
});

test('a replay without a daemon marks, says so, and draws a bar on a terminal only', async () => {
  for (const stderr of [Object.assign(new Paper(), { isTTY: true }), new Paper()]) {
    const fs = oneLetter();
    const desk = new LetterDesk(fs, '/data');
    const outcome = await new Replay(desk, CLOCK, stderr).run(await desk.list(), 300);
    assert.deepEqual(outcome, { delivered: 0, came_back: 0, damaged: 0, waiting: 1, daemon_seen: false });
    assert.ok(fs.paths().includes(`/data/dead_letter/replay/${STEM}.sealed`));
    assert.equal(stderr.text.includes('░'), 'isTTY' in stderr);
  }
});

test('a replay ends when the daemon has decided, with what it decided', async () => {
  for (const is_delivered of [true, false]) {
    const fs = oneLetter();
    const desk = new LetterDesk(fs, '/data');
    const replay = new Replay(desk, CLOCK, new Paper()).run(await desk.list(), REPLAY_MS_MAX);
    const marked = `/data/dead_letter/replay/${STEM}.sealed`;
    await until('the letter is marked', REPLAY_MS_MAX, () => fs.paths().includes(marked));
    if (is_delivered) {
      await fs.remove(marked);
      await fs.remove(`/data/dead_letter/${STEM}.json`);
    } else await fs.rename(marked, `/data/dead_letter/${STEM}.sealed`);
    const { delivered, came_back, waiting } = await replay;
    assert.deepEqual({ delivered, came_back, waiting }, { delivered: Number(is_delivered), came_back: Number(!is_delivered), waiting: 0 });
  }
});

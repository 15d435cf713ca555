/** Claims and a process that is killed: what was answered is registered, and what is registered happened. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ClaimingDaemon, publish, startClaiming } from '../support/claiming_child.ts';
import { seededRandom } from '../support/seeded_random.ts';
import { readNative } from '../unit/pipeline/spool/fixtures.ts';

const CHILD = fileURLToPath(new URL('../support/claiming_child.js', import.meta.url));
const SEED = 20_261_121;
const KILLS = 5;
const ANSWERS_MIN = 60;

interface Life {
  readonly asked: Set<string>;
  readonly stored: Set<string>;
}

/** Runs the child until it has answered some and a random moment longer, and kills it. */
async function liveAndDie(data_dir: string, prefix: string, longer_ms: number): Promise<Life> {
  const child = spawn(process.execPath, [CHILD, data_dir, prefix], { stdio: ['ignore', 'pipe', 'inherit'] });
  const life: Life = { asked: new Set(), stored: new Set() };
  let rest = '';
  const ended = once(child.stdout, 'end');
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('exit', () => reject(new Error('the child ended by itself')));
      child.stdout.on('data', (chunk) => {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const [what = '', name = ''] = line.split(' ');
          if (what === 'asked') life.asked.add(name);
          else if (what === 'stored') life.stored.add(name);
          else reject(new Error(`the child was answered ${line}`));
        }
        if (life.stored.size >= ANSWERS_MIN) resolve();
      });
    });
    await sleep(longer_ms);
  } finally {
    child.kill('SIGKILL');
  }
  await ended;
  return life;
}

async function namesInSpool({ spool }: ClaimingDaemon): Promise<Set<string>> {
  const segments: Parameters<Parameters<typeof spool.onSealed>[0]>[0][] = [];
  spool.onSealed((segment) => segments.push(segment));
  await spool.sealAll();
  const names = new Set<string>();
  for (const segment of segments) {
    const chunks: Buffer[] = [];
    for await (const chunk of await spool.open(segment)) chunks.push(Buffer.from(chunk));
    for (const row of readNative(Buffer.concat(chunks)).rows) names.add(row['name'] ?? '');
  }
  return names;
}

test(`after ${KILLS} kills every answered version stands, and no version stands without its event (seed=${SEED})`, async (context) => {
  const random = seededRandom(SEED);
  const data_dir = await mkdtemp(join(tmpdir(), 'penstock-claims-'));
  context.after(() => rm(data_dir, { recursive: true }));
  const asked = new Set<string>();
  const answered = new Set<string>();
  for (let kill = 0; kill < KILLS; kill++) {
    const life = await liveAndDie(data_dir, `life ${kill}`.replace(' ', '_'), random.below(40));
    for (const name of life.asked) asked.add(name);
    for (const name of life.stored) answered.add(name);
  }
  const daemon = await startClaiming(data_dir);
  const in_spool = await namesInSpool(daemon);
  assert.deepEqual(
    [...answered].filter((name) => !in_spool.has(name)),
    [],
    'answered events are in the spool',
  );
  for (const name of asked) {
    const outcome = await publish(daemon, name, 'sha of somebody else');
    assert.equal(outcome, in_spool.has(name) ? 'version_conflict' : 'stored', name);
  }
  await daemon.registry.close();
  await daemon.spool.close();
});

/**
 * `npm run test:kernel -- --cases N --seed S`: compares the kernel's path with JSON.parse and AJV over N random bodies, on every core. Ends with a
 * table; exit 1 at the first difference, with the seed that shows it.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { KernelTally } from './kernel_worker.ts';

const USAGE = `Usage: npm run test:kernel -- [--cases N] [--seed S]

Reads N random bodies (1000000), valid, nearly valid and hostile, with the kernel and with JSON.parse and AJV, and compares
every verdict and every byte of the rows. About a millisecond a body and core. Exit 0: no difference; 1: one; 2: wrong usage.
`;

/** One generator's share: few enough that a difference is found again soon, enough that its texts and shapes repeat. */
const CASES_PER_SEED = 5000;

interface Plan {
  readonly cases: number;
  readonly seed: number;
}

function readPlan(): Plan | undefined {
  try {
    const { values } = parseArgs({ options: { cases: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } } });
    const plan = { cases: Number(values.cases), seed: Number(values.seed) };
    return plan.cases > 0 && Object.values(plan).every(Number.isSafeInteger) ? plan : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps one thread at work until all seeds are taken. Rejects with the difference that it found. */
function runThread(take_seed: () => number | undefined, add: (tally: KernelTally) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./kernel_worker.js', import.meta.url));
    const next = (): void => {
      const seed = take_seed();
      if (seed === undefined) void worker.terminate().then(() => resolve());
      else worker.postMessage({ seed, cases: CASES_PER_SEED });
    };
    worker.on('message', (tally: KernelTally) => {
      add(tally);
      next();
    });
    worker.on('error', reject);
    next();
  });
}

/** Resolves to the exit code. */
async function run({ cases, seed }: Plan): Promise<number> {
  const total = { requests: 0, failed: 0, accepted: 0, rejected: 0 };
  const seeds = Math.ceil(cases / CASES_PER_SEED);
  let taken = 0;
  const take_seed = (): number | undefined => (taken < seeds ? seed + taken++ : undefined);
  const add = (tally: KernelTally): void => {
    const before = total.requests;
    total.requests += tally.requests;
    total.failed += tally.failed;
    total.accepted += tally.accepted;
    total.rejected += tally.rejected;
    const is_tenth = Math.floor((before * 10) / cases) !== Math.floor((total.requests * 10) / cases);
    if (process.stderr.isTTY || is_tenth) process.stderr.write(`${total.requests} of ${cases} bodies\n`);
  };
  let difference = '';
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, () => runThread(take_seed, add)));
  } catch (error) {
    difference = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const lines: readonly [string, number][] = [
    ['bodies compared', total.requests],
    ['of them no batch', total.failed],
    ['events accepted', total.accepted],
    ['events rejected', total.rejected],
    ['differences', difference === '' ? 0 : 1],
  ];
  process.stdout.write(lines.map(([name, count]) => `${name.padEnd(22)}${count.toLocaleString('en-US').padStart(14)}\n`).join(''));
  process.stdout.write(difference === '' ? `seeds ${seed} to ${seed + seeds - 1}\n` : `${difference}\n`);
  return difference === '' ? 0 : 1;
}

const plan = readPlan();
if (plan === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  // The other thread may be in the middle of its seed, which nobody waits for after a difference.
  process.exit(await run(plan));
}

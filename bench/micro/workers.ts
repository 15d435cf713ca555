/** What a second worker thread brings: the pool as the daemon has it, kept busy with slabs by one thread. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { installedFile } from '../../src/base/installation.ts';
import type { SlabTask } from '../../src/contract/slab.ts';
import { WorkerPool } from '../../src/pipeline/dispatch/worker_pool.ts';
import { BATCH_EVENTS, BATCHES, createBodies, createTask } from './batch.ts';
import { median } from './measure.ts';

const WORKER_PATH = fileURLToPath(installedFile('dist/bundle/worker.js'));
const HEAP_BYTES_MAX = 256 << 20;
/** At one thread: the one that it works on, and the next. */
const SLABS_PER_THREAD = 2;
const ROUNDS = 5;
const ROUND_MS = 400;
/** Two workers, and the thread that feeds them. */
const CORES_MIN = 3;

/** The time that the same slabs take with two threads, as a share of what they take with one; undefined where cores do not allow it. */
export async function measureTwoWorkers(): Promise<number | undefined> {
  if (availableParallelism() < CORES_MIN) return undefined;
  const [one, two] = [startPool(1), startPool(2)];
  try {
    const shares: number[] = [];
    // The first round compiles.
    for (let round = 0; round <= ROUNDS; round++) {
      const share = (await slabMs(two, 2)) / (await slabMs(one, 1));
      if (round > 0) shares.push(share);
    }
    return median(shares);
  } finally {
    await Promise.all([one.close(), two.close()]);
  }
}

function startPool(threads: number): WorkerPool {
  return new WorkerPool({
    filename: WORKER_PATH,
    threads,
    slabs_per_thread_max: SLABS_PER_THREAD,
    heap_bytes_max: HEAP_BYTES_MAX,
    on_error: (error) => {
      throw error;
    },
  });
}

/** How long a slab takes while every thread has enough of them, milliseconds. */
async function slabMs(pool: WorkerPool, threads: number): Promise<number> {
  const start_ms = performance.now();
  let slabs = 0;
  const keep_busy = async (task: SlabTask): Promise<void> => {
    while (performance.now() - start_ms < ROUND_MS) {
      const { blocks } = await pool.run(task);
      const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
      if (rows !== BATCHES * BATCH_EVENTS) throw new Error(`a slab of ${BATCHES * BATCH_EVENTS} events became ${rows} rows`);
      slabs++;
    }
  };
  const bodies = createBodies(BATCHES, BATCH_EVENTS);
  await Promise.all(Array.from({ length: threads * SLABS_PER_THREAD }, () => keep_busy(createTask(bodies))));
  return (performance.now() - start_ms) / slabs;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SlabTask } from '../../../../src/contract/slab.ts';
import { WorkerPool } from '../../../../src/pipeline/dispatch/worker_pool.ts';
import { DEADLY } from '../../../support/dying_worker.ts';
import { createSlab } from '../../../support/slabs.ts';

test('a worker that dies rejects the slab that it had, and another takes its place', async (context) => {
  const pool = new WorkerPool({
    filename: fileURLToPath(new URL('../../../support/dying_worker.js', import.meta.url)),
    threads: 1,
    slabs_per_thread_max: 1,
    heap_bytes_max: 64 * 2 ** 20,
    on_error: () => undefined,
  });
  context.after(() => pool.close());
  const good: SlabTask = createSlab([Buffer.from('{}')]);
  assert.deepEqual((await pool.run(good)).blocks, []);
  await assert.rejects(pool.run({ ...good, source: DEADLY }));
  assert.deepEqual((await pool.run(good)).blocks, []);
});

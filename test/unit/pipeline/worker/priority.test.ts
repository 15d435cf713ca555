/** While room is scarce, a request without an event that goes first is refused as a whole; the others as if nothing were scarce. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kernel } from '../../../../src/kernel/kernel.ts';
import { SlabProcessor } from '../../../../src/pipeline/worker/slab_processor.ts';
import { DEPLOY_EVENTS } from '../../../../src/sources/deploy_report/table.ts';
import { SOURCES } from '../../../../src/sources/list.ts';
import { blockRows } from '../../../support/block_rows.ts';
import { createProcessor, createSlab, outcomes } from '../../../support/slabs.ts';

const TYPES = ['crash_on_update', 'rollback'];

function body(...types: string[]): Buffer {
  return Buffer.from(
    JSON.stringify({ events: types.map((event_type, index) => ({ event_type, release_id: 'r', distinct_id: `d${index}` })) }),
  );
}

const BODIES = [
  body('download_complete', 'apply_success'),
  body('download_complete', 'rollback', 'apply_success'),
  body('nonsense'),
  body(),
  Buffer.from('not json'),
  body('apply_success'),
  body('crash_on_update'),
  // What the decoder judges, between what the kernel reads.
  Buffer.from(body('apply_success', 'rollback').toString().replace('rollback', 'r\\u006fllback')),
  // Neither a type nor a part of one.
  Buffer.from(body('apply_success').toString().replace('"r"', '"rollback"')),
];

for (const uses_kernel_path of [true, false]) {
  test(`only requests with an event that goes first are stored, each as a whole, ${uses_kernel_path ? 'with' : 'without'} the kernel`, () => {
    const processor = new SlabProcessor(SOURCES, new Kernel(), { uses_kernel_path });
    const task = { ...createSlab(BODIES), priority_types: TYPES };
    const result = processor.process(task);
    const shed = { failed: 'shedding' };
    assert.deepEqual(outcomes(task, result), [
      shed,
      { accepted: 3, rejected: 0 },
      { accepted: 0, rejected: 1 },
      { accepted: 0, rejected: 0 },
      { failed: 'not_json' },
      shed,
      { accepted: 1, rejected: 0 },
      { accepted: 2, rejected: 0 },
      shed,
    ]);
    assert.equal(
      result.blocks.reduce((sum, { rows }) => sum + rows, 0),
      6,
    );
  });
}

test('what is stored then is what is stored ever, and the next slab forgets that room was scarce', () => {
  const processor = createProcessor();
  const scarce = processor.process({ ...createSlab(BODIES), priority_types: TYPES });
  const task = createSlab(BODIES);
  const ample = processor.process(task);
  assert.deepEqual(outcomes(task, ample)[0], { accepted: 2, rejected: 0 });
  const alone = processor.process(createSlab([BODIES[1], BODIES[6], BODIES[7]]));
  assert.deepEqual(blockRows(DEPLOY_EVENTS, scarce), blockRows(DEPLOY_EVENTS, alone));
});

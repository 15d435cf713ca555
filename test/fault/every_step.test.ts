/** Death at every step of a row's life, from its append to the removal of its file: each call to the file system is one step. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SealedSegment } from '../../src/contract/segment.ts';
import type { SpoolOptions } from '../../src/pipeline/spool/options.ts';
import { MemoryFs } from '../support/memory_fs.ts';
import { seededRandom } from '../support/seeded_random.ts';
import { SpoolOracle } from '../support/spool_oracle.ts';
import { blockOf, Held, OTHER_TABLE, rowOf, TABLE } from '../unit/pipeline/spool/fixtures.ts';

/** Different losses of what was not synced, for each step. */
const LOSSES = 6;

const WAYS = [
  { unfiled_segments_max: 0, steps_min: 60 },
  { unfiled_segments_max: 4, steps_min: 45 },
  { unfiled_segments_max: 4, spare_records_min: 1, steps_min: 60 },
];

interface Life {
  readonly acknowledged: string[];
  readonly oracle: SpoolOracle;
}

/** Two tables, two segments each: appended, sealed, sent and removed; goes on after every failure, as the daemon does. */
async function live(held: Held, { acknowledged, oracle }: Life): Promise<void> {
  for (const label of ['one', 'two', 'three', 'four']) {
    const table = label === 'three' ? OTHER_TABLE : TABLE;
    await held.spool.append(blockOf([rowOf(label)], table)).then(
      () => acknowledged.push(label),
      () => undefined,
    );
    if (label === 'one') continue;
    await held.spool.sealAll();
    for (const segment of held.announced.splice(0)) {
      if (label === 'three') await tryInVain(held, oracle, segment);
      await oracle.deliver(held, segment).catch(() => undefined);
    }
  }
}

/** The answer to an INSERT is lost, and delivery opens the segment once more. */
async function tryInVain(held: Held, oracle: SpoolOracle, segment: SealedSegment): Promise<void> {
  await oracle.deliver(held, segment, false).catch(() => undefined);
  await held.nativeOf(segment).catch(() => undefined);
}

/**
 * Lives once and dies at a step; then starts again, delivers what is there, and checks the books.
 *
 * @returns false when the life was over before that step
 */
async function dieAt(step: number, after: (fs: MemoryFs) => MemoryFs, options: Partial<SpoolOptions>): Promise<boolean> {
  const fs = new MemoryFs();
  const held = await new Held(fs, options).start();
  let steps = 0;
  let survivor: MemoryFs | undefined;
  fs.fault = () => {
    if (steps++ === step) survivor = after(fs);
    return survivor === undefined ? undefined : 'EIO';
  };
  const life: Life = { acknowledged: [], oracle: new SpoolOracle() };
  await live(held, life);
  await held.spool.close();
  const next = await held.reopen(survivor ?? after(fs));
  await next.spool.sealAll();
  for (const segment of next.announced.splice(0)) await life.oracle.deliver(next, segment);
  assert.equal(next.spool.stats().spool_bytes, 0, `step ${step}: something is left behind`);
  life.oracle.check(life.acknowledged, `step ${step}`);
  await next.spool.close();
  return survivor !== undefined;
}

/** Dies at one step after the other until a life has no further one; there must have been many. With sealed files, and where it may do without, without them; with the next segment's file made ahead. */
async function dieAtEach(after: (step: number) => (fs: MemoryFs) => MemoryFs): Promise<void> {
  for (const { steps_min, ...options } of WAYS) {
    let step = 0;
    while (await dieAt(step, after(step), options)) step++;
    assert.ok(step > steps_min, `only ${step} steps`);
  }
}

test('killed at any step of append, seal, send and removal, every acknowledged row is in ClickHouse once', async () => {
  await dieAtEach(() => (fs) => fs.kill());
});

test(`a power failure at any step, each with ${LOSSES} losses of what was not synced, costs no acknowledged row and doubles none`, async () => {
  for (let loss = 0; loss < LOSSES; loss++) await dieAtEach((step) => (fs) => fs.crash(seededRandom(1000 * loss + step)));
});

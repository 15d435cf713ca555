/** The spool on a real disk, beside what the disk itself costs: one write and one fdatasync of the same bytes. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import type { SpoolBlock } from '../../src/contract/segment.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { NodeFs } from '../../src/pipeline/spool/node_fs.ts';
import { Spool } from '../../src/pipeline/spool/spool.ts';
import { SlabProcessor } from '../../src/pipeline/worker/slab_processor.ts';
import { DEPLOY_EVENTS } from '../../src/sources/deploy_report/table.ts';
import { SOURCES } from '../../src/sources/list.ts';
import { BATCH_EVENTS, BATCHES, createBodies, createTask } from './batch.ts';
import type { Stage } from './stages.ts';

const EVENTS = BATCHES * BATCH_EVENTS;
/** Blocks that wait for one group, as they do under load. */
const BLOCKS_AT_ONCE = 4;
const GIB = 2 ** 30;

const SPOOL_OPTIONS = {
  ack: 'disk',
  bytes_max: 4 * GIB,
  queued_bytes_max: GIB,
  held_bytes_max: 128 * 2 ** 20,
  group_delay_ms_max: 0,
  seal_rows_max: 500_000,
  seal_bytes_max: 64 * 2 ** 20,
  seal_age_ms_max: 3_600_000,
  unfiled_segments_max: 0,
  spare_records_min: Number.POSITIVE_INFINITY,
  free_bytes_min: 0,
  reserve_bytes: 0,
} as const;

const OBSERVER = {
  synced: () => undefined,
  groupCommitted: () => undefined,
  sealed: () => undefined,
  deadLettered: () => undefined,
  replayed: () => undefined,
  incident: () => undefined,
};

function createBlock(): SpoolBlock {
  const { output, blocks } = new SlabProcessor(SOURCES, new Kernel()).process(createTask(createBodies(BATCHES, BATCH_EVENTS)));
  const block = blocks[0];
  if (block === undefined) throw new Error('the benchmark events made no block');
  return { table: block.table, month: 202601, rows: block.rows, bytes: new Uint8Array(output, block.offset, block.bytes) };
}

/** Calls `measure` with stages that need a directory, which is gone afterwards. */
export async function withSpoolStages(measure: (stages: readonly Stage[]) => Promise<void>): Promise<void> {
  const data_dir = await mkdtemp(join(tmpdir(), 'penstock-bench-'));
  const random = { fraction: Math.random, uuid: () => crypto.randomUUID() };
  const spool = new Spool({ fs: new NodeFs(), clock: SYSTEM_CLOCK, random, observer: OBSERVER }, { ...SPOOL_OPTIONS, data_dir }, [
    DEPLOY_EVENTS,
  ]);
  await spool.start();
  spool.onSealed((segment) => void spool.retire(segment));
  const file = await open(join(data_dir, 'plain'), 'w');
  try {
    await measure(stages(spool, createBlock(), file));
  } finally {
    await file.close();
    await spool.close();
    await rm(data_dir, { recursive: true, force: true });
  }
}

function stages(spool: Spool, block: SpoolBlock, file: Awaited<ReturnType<typeof open>>): Stage[] {
  const bytes = Array.from({ length: BLOCKS_AT_ONCE }, () => block.bytes);
  let end_bytes = 0;
  return [
    {
      name: 'write + fdatasync',
      events: EVENTS * BLOCKS_AT_ONCE,
      // At the end of the file, as the spool does: to write where there are blocks already costs the disk less.
      run: async () => {
        if (end_bytes >= SPOOL_OPTIONS.seal_bytes_max) {
          await file.truncate(0);
          end_bytes = 0;
        }
        const { bytesWritten: written_bytes } = await file.writev(bytes, end_bytes);
        end_bytes += written_bytes;
        await file.datasync();
      },
    },
    {
      name: 'spool append',
      events: EVENTS * BLOCKS_AT_ONCE,
      run: async () => {
        await Promise.all(bytes.map(() => spool.append(block)));
      },
    },
  ];
}

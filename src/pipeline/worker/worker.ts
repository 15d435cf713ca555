/** The file that piscina runs in each worker thread: builds the processor once, then answers one call per slab. */
import type { SlabResult, SlabTask } from '../../contract/slab.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { SOURCES } from '../../sources/list.ts';
import { SlabProcessor } from './slab_processor.ts';

const processor = new SlabProcessor(SOURCES, new Kernel());

export default function processSlab(task: SlabTask): SlabResult {
  return processor.process(task);
}

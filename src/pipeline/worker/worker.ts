/** The file that piscina runs in each worker thread: builds the processor once, then answers one call per slab. */
import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { SlabTask } from '../../contract/slab.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { SOURCES } from '../../sources/list.ts';
import { SlabProcessor } from './slab_processor.ts';

const processor = new SlabProcessor(SOURCES, new Kernel());

/** Both buffers of the result leave by transfer. */
export default function processSlab(task: SlabTask): unknown {
  const result = processor.process(task);
  return move({ [transferableSymbol]: [result.buffer, result.output], [valueSymbol]: result });
}

/** A worker that answers with an empty result, and dies of a slab whose source is DEADLY. */
import type { SlabResult, SlabTask } from '../../src/contract/slab.ts';

export const DEADLY = 99;

export default function processSlab(task: SlabTask): SlabResult {
  if (task.source === DEADLY) process.exit(1);
  return { output: task.output, blocks: [], rejected: {}, singles: [], unfold_too_far: [] };
}

/** What the kernel's targets are about: request bytes to a block, beside JSON.parse of the same bytes. */
import { BATCH_EVENTS, BATCHES, createBodies } from './batch.ts';
import { measure } from './measure.ts';
import { workerStages } from './stages.ts';

export interface KernelFigures {
  /** Time as a multiple of JSON.parse's. */
  readonly ratio: number;
  readonly ns_per_byte: number;
}

const REFERENCE = 'JSON.parse';
const KERNEL = 'bytes to block';
const OPTIONS = { rounds: 5, time_ms: 300, reference: REFERENCE };

export async function measureKernel(): Promise<KernelFigures> {
  const stages = workerStages().filter(({ name }) => name === REFERENCE || name === KERNEL);
  const measured = (await measure(stages, OPTIONS)).find(({ name }) => name === KERNEL);
  if (measured === undefined) throw new Error(`there is no stage "${KERNEL}"`);
  const bytes = createBodies(BATCHES, BATCH_EVENTS).reduce((sum, body) => sum + body.length, 0);
  return { ratio: measured.ratio, ns_per_byte: measured.ns_per_event / (bytes / (BATCHES * BATCH_EVENTS)) };
}

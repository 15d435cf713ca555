/** A thread of `kernel.ts`: compares the bodies of one seed after the other, each as it is told. */
import { parentPort } from 'node:worker_threads';
import { KernelComparison } from '../support/kernel_comparison.ts';

/** What one seed's bodies were. */
export type KernelTally = KernelComparison['seen'];

parentPort?.on('message', ({ seed, cases }: { readonly seed: number; readonly cases: number }) => {
  const comparison = new KernelComparison(seed);
  while (comparison.seen.requests < cases) comparison.step();
  parentPort?.postMessage(comparison.seen satisfies KernelTally);
});

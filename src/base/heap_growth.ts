/** How far V8 lets its heap grow before it marks it anew, and a way to have it marked. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { assert } from './assert.ts';

const HEAP_GROWTH_PERCENT = 300;

/**
 * For a process that lets large buffers come and go: V8 counts them as growth of a heap that does not hold them, lets one of 16 MB grow by half of that, and
 * so marks all of it three to five times a second under load. Holds for every isolate of the process; call it before the work begins.
 */
export function growHeapBeforeMarking(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
}

/** @returns collects all garbage of this thread's heap, which holds it up for some 30 ms */
export function garbageCollector(): () => void {
  // Node has no other way that does not load its inspector; a context that is made with the flag has the function.
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert(typeof collect === 'function', 'BUG: V8 has no gc()');
  return () => collect();
}

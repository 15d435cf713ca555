/** How far V8 lets its heap grow before it marks it anew. */
import { setFlagsFromString } from 'node:v8';

const HEAP_GROWTH_PERCENT = 300;

/**
 * For a process that lets large buffers come and go: V8 counts them as growth of a heap that does not hold them, lets one of 16 MB grow by half of that, and
 * so marks all of it three to five times a second under load. Holds for every isolate of the process; call it before the work begins.
 */
export function growHeapBeforeMarking(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
}

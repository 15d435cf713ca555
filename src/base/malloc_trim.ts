/** malloc_trim(3). */
import { loadCLibrary } from './c_library.ts';

/** @returns gives memory that was freed back to the system, in some 10 ms; does nothing where the C library is not glibc, which alone keeps it */
export async function loadMallocTrim(): Promise<() => void> {
  if (process.platform !== 'linux') return () => undefined;
  const library = await loadCLibrary();
  const malloc_trim = findFunction(() => library.func('int malloc_trim(size_t pad)'));
  return () => {
    malloc_trim?.(0);
  };
}

function findFunction<Found>(find: () => Found): Found | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

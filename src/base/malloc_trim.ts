/** malloc_trim(3). */
import { loadCLibrary } from './c_library.ts';

/** @returns gives memory that was freed back to the system, in some 10 ms; does nothing where the C library is not glibc, which alone keeps it, or cannot be called */
export async function loadMallocTrim(): Promise<() => void> {
  if (process.platform !== 'linux') return () => undefined;
  try {
    const library = await loadCLibrary();
    const malloc_trim = library.func('int malloc_trim(size_t pad)');
    return () => {
      malloc_trim(0);
    };
  } catch {
    // Nothing that a start should fail for: what is freed stays in the process, as it does without this module.
    return () => undefined;
  }
}

/** malloc_trim(3), which Node does not have: the C library is asked. */

/** @returns gives memory that was freed back to the system, in some 10 ms; does nothing where the C library is not glibc, which alone keeps it */
export async function loadMallocTrim(): Promise<() => void> {
  if (process.platform !== 'linux') return () => undefined;
  const { default: koffi } = await import('koffi');
  const malloc_trim = findFunction(() => koffi.load(null).func('int malloc_trim(size_t pad)'));
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

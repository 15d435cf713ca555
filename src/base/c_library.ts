/** The C library that this process has linked already, whichever that is: for the calls that Node does not have. */
import type { LibraryHandle } from 'koffi';

/** Rejects where koffi has no build for this system. */
export async function loadCLibrary(): Promise<LibraryHandle> {
  const { default: koffi } = await import('koffi');
  return koffi.load(null);
}

/** A progress bar of one line on a terminal. */

const CELLS = 24;

/** Takes the line back, so that the next one is written over it. */
export const ERASE_LINE = '\r\x1b[2K';

/** @param share from 0 to 1 */
export function progressBar(share: number): string {
  const full = Math.round(share * CELLS);
  return '█'.repeat(full) + '░'.repeat(CELLS - full);
}

/** What every map of the embedded registry has in common: room before a commit, and errors that say what was wrong. */
import type { RootDatabase } from 'lmdb';
import { assert } from '../../base/assert.ts';
import { OperatingError } from '../../contract/errors.ts';
import type { Headroom } from './headroom.ts';

/** LMDB's environment, and what keeps its file long enough. */
export interface Environment {
  readonly root: RootDatabase<string, string>;
  readonly headroom: Headroom;
}

/** Resolves when there is room for a commit of so many bytes; rejects with `registry_unavailable` where there is none. */
export async function makeRoom({ root, headroom }: Environment, bytes: number): Promise<void> {
  const stats = root.getStats();
  assert('lastPageNumber' in stats && 'pageSize' in stats, 'BUG: LMDB does not say how much of its file it uses');
  try {
    await headroom.ensure((Number(stats.lastPageNumber) + 1) * Number(stats.pageSize), bytes);
  } catch (error) {
    throw unavailable(error);
  }
}

/** A damaged file shows when it is read. */
export function read<Value>(get: () => Value): Value {
  try {
    return get();
  } catch (error) {
    throw unavailable(error);
  }
}

export function unavailable(error: unknown): OperatingError {
  const reason = error instanceof Error ? error.message : String(error);
  return new OperatingError('registry_unavailable', { reason }, { cause: error });
}

/** A commit that failed says why in a promise of its own, which rejects, and would end the process if nobody looked at it. */
export async function rethrowUnavailable(error: unknown): Promise<never> {
  const cause = error instanceof Error && 'commitError' in error ? error.commitError : undefined;
  throw unavailable(cause instanceof Promise ? await cause.catch((reason: unknown) => reason) : error);
}

/** The end of a slab's trip: each of its requests is told what became of it. */
import { assert } from '../../base/assert.ts';
import type { OperatingError } from '../../contract/errors.ts';
import type { Submission } from '../../contract/responder.ts';
import { type SlabResult, SlabTable, type SlabTask } from '../../contract/slab.ts';
import type { OpenSlab } from './open_slab.ts';

export interface EndedTrip {
  readonly slab: OpenSlab;
  readonly task: SlabTask;
  readonly result: SlabResult;
  /** Why the spool did not take the blocks: then no event of the slab is counted, and only bad requests learn their own fate. */
  readonly problem: OperatingError | undefined;
}

/** @param upload takes over a body that unfolds to more than is read at once */
export function answerSlab({ slab, task, result, problem }: EndedTrip, upload: (submission: Submission, body: Uint8Array) => void): void {
  const table = new SlabTable(task.buffer, task.requests_max);
  let accepted_in_all = 0;
  for (let index = 0; index < slab.submissions.length; index++) {
    const responder = slab.submissions[index];
    const failure = table.failure(index);
    if (result.unfold_too_far.includes(index)) {
      upload(responder, slab.copyBody(index));
    } else if (failure !== undefined) {
      responder.failed(failure);
    } else if (problem !== undefined) {
      responder.failed(problem.code, problem.context);
    } else {
      accepted_in_all += table.accepted(index);
      responder.counted(table.accepted(index), table.rejected(index));
    }
  }
  assert(accepted_in_all === 0 || result.blocks.length > 0, 'BUG: events were accepted but no block was made of them');
  if (problem === undefined) slab.target.eventsCounted(slab.kind.source, accepted_in_all, result.rejected);
}

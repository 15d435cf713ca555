/**
 * Requests that bring one event each, on their way from the worker to their answer: the gate decides, what it admits is appended,
 * and when that is durable the request is answered. Each goes its own way, so that one which waits for another's fate holds up
 * nobody; how many are under way is bounded by the budget of bytes in flight, which a request gives back with its answer.
 */
import { errorStatus, OperatingError } from '../../contract/errors.ts';
import type { Gate, GateRequest } from '../../contract/gate.ts';
import type { Submission } from '../../contract/responder.ts';
import type { SpoolBlock } from '../../contract/segment.ts';
import type { SlabResult } from '../../contract/slab.ts';
import type { Deviation } from '../../contract/source.ts';

export interface SingleVerdictPorts {
  readonly gate: Gate;
  readonly spool: { append(block: SpoolBlock): Promise<void> };
  readonly observer: {
    eventsCounted(source: number, accepted: number, rejected: Readonly<Record<string, number>>): void;
    eventDeviated(source: number, deviation: Deviation): void;
  };
}

/** What a slab's requests have in common. */
export interface SingleTrip {
  readonly month: number;
  readonly submissions: readonly Submission[];
  /** When each request came, by its position. */
  receivedAtMs(index: number): number;
}

export class SingleVerdicts {
  constructor(private readonly ports: SingleVerdictPorts) {}

  /** Takes a copy of what it needs of the result, whose buffer may be used again on return. */
  settle(trip: SingleTrip, result: SlabResult): void {
    const { observer } = this.ports;
    for (const [index, outcome] of result.singles.entries()) {
      const submission = trip.submissions[index];
      if (outcome.kind === 'refused') {
        submission.failed(outcome.code, outcome.context);
        continue;
      }
      const { table, offset, bytes, rows } = result.blocks[outcome.block];
      const { uses_reserve } = submission;
      const own_bytes = new Uint8Array(result.output, offset, bytes).slice();
      const block: SpoolBlock = { table, month: trip.month, rows, bytes: own_bytes, uses_reserve };
      const { event_id, claims, answer, deviation } = outcome;
      const request: GateRequest = {
        tenant: submission.tenant,
        received_at_ms: trip.receivedAtMs(index),
        event_id,
        table,
        claims,
        answer,
      };
      void this.decide(submission, request, block, deviation);
    }
    if (Object.keys(result.rejected).length > 0) observer.eventsCounted(trip.submissions[0].source, 0, result.rejected);
  }

  private async decide(submission: Submission, request: GateRequest, block: SpoolBlock, deviation?: Deviation): Promise<void> {
    const { gate, observer } = this.ports;
    const verdict = await gate.admit(request);
    switch (verdict.kind) {
      case 'admitted':
        if (!(await this.store(submission, request, block))) return;
        if (deviation !== undefined) observer.eventDeviated(submission.source, deviation);
        return;
      case 'repeated':
        submission.answered(verdict.answer);
        observer.eventsCounted(submission.source, 0, { duplicate: 1 });
        return;
      case 'refused':
        submission.failed(verdict.code, verdict.context);
        if (errorStatus(verdict.code) < 500) observer.eventsCounted(submission.source, 0, { conflict: 1 });
    }
  }

  private async store(submission: Submission, request: GateRequest, block: SpoolBlock): Promise<boolean> {
    const { gate, spool, observer } = this.ports;
    try {
      await spool.append(block);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      gate.settle(request, false);
      submission.failed(error.code, error.context);
      return false;
    }
    gate.settle(request, true);
    submission.answered(request.answer);
    observer.eventsCounted(submission.source, 1, {});
    return true;
  }
}

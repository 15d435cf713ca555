/**
 * Requests that bring one event each, on their way from the worker to their answer: the gate decides, what it admits is appended,
 * and when that is durable the request is answered. What the gate decides together is appended together, as one block: a slab whose
 * requests are all admitted is one record of the spool. A request that waits for another's fate holds up nobody, and is appended alone
 * when it may be; how many are under way is bounded by the budget of bytes in flight, which a request gives back with its answer.
 */
import { copyShared } from '../../base/shared_copy.ts';
import { errorStatus, OperatingError } from '../../contract/errors.ts';
import type { Gate, GateRequest, GateVerdict } from '../../contract/gate.ts';
import type { Submission } from '../../contract/responder.ts';
import type { SpoolBlock } from '../../contract/segment.ts';
import type { SlabResult } from '../../contract/slab.ts';
import type { Deviation } from '../../contract/source.ts';
import type { Column } from '../../contract/table.ts';
import { takeRows } from './block_rows.ts';

export interface SingleVerdictPorts {
  readonly gate: Gate;
  readonly spool: { append(block: SpoolBlock): Promise<void> };
  readonly observer: {
    eventsCounted(source: number, accepted: number, rejected: Readonly<Record<string, number>>): void;
    eventDeviated(source: number, deviation: Deviation): void;
  };
  columnsOf(table: string): readonly Column[];
}

/** What a slab's requests have in common. */
export interface SingleTrip {
  readonly month: number;
  readonly submissions: readonly Submission[];
  /** When each request came, by its position. */
  receivedAtMs(index: number): number;
}

/** A request whose event may be stored, and where its row is. */
interface Candidate {
  readonly submission: Submission;
  readonly request: GateRequest;
  readonly block: SpoolBlock;
  readonly row: number;
  readonly deviation: Deviation | undefined;
}

export class SingleVerdicts {
  constructor(private readonly ports: SingleVerdictPorts) {}

  /**
   * Takes a copy of what it needs of the result, whose buffer may be used again on return. Resolves when the first of the requests are
   * answered: the others wait for something else.
   */
  settle(trip: SingleTrip, result: SlabResult): Promise<void> {
    return new Promise((resolve) => this.begin(trip, result, resolve));
  }

  private begin(trip: SingleTrip, result: SlabResult, answered: () => void): void {
    const { gate, observer } = this.ports;
    const blocks = result.blocks.map((placed) => ownBlock(placed, result.output, trip));
    const admitted = new Admitted((together) => this.storeTogether(together), answered);
    for (const [index, outcome] of result.singles.entries()) {
      const submission = trip.submissions[index];
      if (outcome.kind === 'refused') {
        submission.failed(outcome.code, outcome.context);
        answered();
        continue;
      }
      const block = blocks[outcome.block];
      const { event_id, claims, answer, deviation, row } = outcome;
      const { tenant } = submission;
      const request: GateRequest = { tenant, received_at_ms: trip.receivedAtMs(index), event_id, table: block.table, claims, answer };
      const candidate = { submission, request, block, row, deviation };
      const verdict = gate.admit(request);
      if (verdict instanceof Promise) void verdict.then((late) => this.decided(candidate, late, admitted));
      else this.decided(candidate, verdict, admitted);
    }
    if (Object.keys(result.rejected).length > 0) observer.eventsCounted(trip.submissions[0].source, 0, result.rejected);
  }

  private decided(candidate: Candidate, verdict: GateVerdict, admitted: Admitted): void {
    const { submission } = candidate;
    const { observer } = this.ports;
    switch (verdict.kind) {
      case 'admitted':
        admitted.add(candidate);
        return;
      case 'repeated':
        submission.answered(verdict.answer);
        admitted.answered();
        observer.eventsCounted(submission.source, 0, { duplicate: 1 });
        return;
      case 'refused':
        submission.failed(verdict.code, verdict.context);
        admitted.answered();
        if (errorStatus(verdict.code) < 500) observer.eventsCounted(submission.source, 0, { conflict: 1 });
    }
  }

  private async storeTogether(candidates: readonly Candidate[]): Promise<void> {
    const by_block = new Map<SpoolBlock, Candidate[]>();
    for (const candidate of candidates) {
      const of_block = by_block.get(candidate.block);
      if (of_block === undefined) by_block.set(candidate.block, [candidate]);
      else of_block.push(candidate);
    }
    await Promise.all([...by_block].map(([block, of_block]) => this.store(block, of_block)));
  }

  /** @param candidates rows of `block`, in any order */
  private async store(block: SpoolBlock, candidates: readonly Candidate[]): Promise<void> {
    const { gate, spool, observer } = this.ports;
    try {
      await spool.append(candidates.length === block.rows ? block : this.part(block, candidates));
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      for (const { request, submission } of candidates) {
        gate.settle(request, false);
        submission.failed(error.code, error.context);
      }
      return;
    }
    const [{ submission: first }] = candidates;
    for (const { request, submission, deviation } of candidates) {
      gate.settle(request, true);
      submission.answered(request.answer);
      if (deviation !== undefined) observer.eventDeviated(submission.source, deviation);
    }
    observer.eventsCounted(first.source, candidates.length, {});
  }

  private part(block: SpoolBlock, candidates: readonly Candidate[]): SpoolBlock {
    const rows = candidates.map(({ row }) => row);
    return { ...block, rows: rows.length, bytes: takeRows(block.bytes, this.ports.columnsOf(block.table), rows) };
  }
}

/** Gathers what the gate admits at one time: decisions that are made together are heard of one after the other. */
class Admitted {
  private candidates: Candidate[] = [];

  constructor(
    private readonly together: (candidates: readonly Candidate[]) => Promise<void>,
    /** Some requests of the slab are answered. */
    readonly answered: () => void,
  ) {}

  add(candidate: Candidate): void {
    this.candidates.push(candidate);
    if (this.candidates.length === 1) queueMicrotask(() => this.end());
  }

  private end(): void {
    const { candidates } = this;
    this.candidates = [];
    void this.together(candidates).then(this.answered);
  }
}

function ownBlock({ table, offset, bytes, rows }: SlabResult['blocks'][number], output: SharedArrayBuffer, trip: SingleTrip): SpoolBlock {
  const own_bytes = Buffer.allocUnsafeSlow(bytes);
  copyShared(own_bytes, 0, new Uint8Array(output, offset, bytes));
  return { table, month: trip.month, rows, bytes: own_bytes, uses_reserve: trip.submissions[0].uses_reserve };
}

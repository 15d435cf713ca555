/** What went wrong with a segment, from whatever threw it. */
import { AssertionError } from 'node:assert';
import { describeError, OperatingError } from '../../contract/errors.ts';
import type { SealedSegment } from '../../contract/segment.ts';
import { SinkFailure } from '../../contract/sink.ts';
import type { DeliveryFailure } from './report.ts';

/**
 * What was under way when it went wrong.
 * - `send`: opening, taking a token or inserting
 * - `ask`: a question about an earlier INSERT; its failure says nothing about the segment
 * - `keep`: retiring or quarantining the file
 */
export type Phase = 'send' | 'ask' | 'keep';

/** Why a segment's file cannot be sent, when that is what `error` says. */
export function corruption(error: unknown): string | undefined {
  return error instanceof OperatingError && error.code === 'segment_corrupt' ? error.message : undefined;
}

/**
 * @param at_ms milliseconds since the epoch
 * @throws `error` itself when it is a bug: an assertion must stop the process, not be retried
 */
export function describeFailure(error: unknown, phase: Phase, segment: SealedSegment, at_ms: number): DeliveryFailure {
  if (error instanceof AssertionError) throw error;
  if (error instanceof SinkFailure) {
    const { message, code } = error;
    if (phase === 'send') return { at_ms, segment: segment.id, action: error.action, in_doubt: error.in_doubt, code, message };
    return { at_ms, segment: segment.id, action: error.action === 'pause' ? 'pause' : 'retry', in_doubt: false, code, message };
  }
  // The spool or the disk: no byte of this try reached ClickHouse.
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
  return { at_ms, segment: segment.id, action: 'retry', in_doubt: false, code, message };
}

/** ClickHouse holds neither none nor all of a segment's rows. */
export function partialInsert(segment: SealedSegment, rows_found: number, at_ms: number): DeliveryFailure {
  const context = { rows_found, rows: segment.rows, segment: segment.id, table: segment.table };
  const message = describeError('segment_partial', context);
  return { at_ms, segment: segment.id, action: 'stop', in_doubt: true, code: 'segment_partial', message };
}

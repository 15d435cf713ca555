/** What an answer means to a sender that obeys: its batch is acknowledged, to be sent again later, or refused for good. */
import type { Random } from '../../contract/ports.ts';
import { readCounts } from './fleet_traffic.ts';
import type { HttpAnswer } from './http_answer.ts';
import type { Traffic } from './traffic.ts';

export type Verdict =
  | { readonly kind: 'acknowledged'; readonly accepted: number; readonly rejected: number }
  | { readonly kind: 'retry'; readonly delay_ms: number; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

const RETRY_AFTER_MS_MAX = 30_000;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 5000;
const REASON_CHARACTERS_MAX = 200;

/**
 * Judges an answer to the `attempt`-th try (from 1) of a batch of `events`. 429 and every 5xx mean "not now": Retry-After is
 * obeyed up to 30 s. A 2xx acknowledges only with counts that add up to what was sent.
 */
export function judgeAnswer(
  answer: HttpAnswer,
  events: number,
  attempt: number,
  random: Pick<Random, 'fraction'>,
  traffic: Pick<Traffic, 'readCounts'> = { readCounts },
): Verdict {
  if (answer.status === 429 || answer.status >= 500) {
    const reason = reasonOf(answer);
    if (answer.retry_after_s === undefined) return { kind: 'retry', delay_ms: backoffMs(attempt, random), reason };
    return { kind: 'retry', delay_ms: Math.min(answer.retry_after_s * 1000, RETRY_AFTER_MS_MAX), reason };
  }
  if (answer.status >= 300) return { kind: 'refused', reason: reasonOf(answer) };
  const counts = traffic.readCounts(answer.body);
  if (counts === undefined)
    return { kind: 'refused', reason: `${reasonOf(answer)} (it does not say what became of the events: is this Penstock?)` };
  if (counts.accepted + counts.rejected === events) return { kind: 'acknowledged', ...counts };
  return { kind: 'refused', reason: `${reasonOf(answer)} (the counts do not add up to the ${events} events sent)` };
}

function reasonOf({ status, body }: HttpAnswer): string {
  return `${status} ${body.slice(0, REASON_CHARACTERS_MAX)}`;
}

/** How long to wait after a try without an answer or without a Retry-After: doubling, and spread so that senders disperse. */
export function backoffMs(attempt: number, random: Pick<Random, 'fraction'>): number {
  const ceiling_ms = Math.min(BACKOFF_MS_MIN * 2 ** (attempt - 1), BACKOFF_MS_MAX);
  return ceiling_ms * (0.5 + 0.5 * random.fraction());
}

/**
 * The books as everybody reads them: what became of every event. `received = accepted + Σ rejected` and
 * `accepted = delivered + spooled + dead_lettered`, by source and in all.
 */

export interface LedgerFigures {
  /** Events of requests that were decoded and not answered 5xx. */
  readonly received: number;
  readonly accepted: number;
  /** By reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** In ClickHouse. */
  readonly delivered: number;
  /** On this machine's disk, on the way to ClickHouse. */
  readonly spooled: number;
  /** Set aside for a person: refused by ClickHouse for good, or damaged on the disk. */
  readonly dead_lettered: number;
}

/** The answer of GET /ledger. */
export interface LedgerAnswer extends LedgerFigures {
  readonly by_source: Readonly<Record<string, LedgerFigures>>;
}

/** Whether both equations hold, in all and for every source, and the sources add up to the whole. */
export function isBalanced(answer: LedgerAnswer): boolean {
  const parts = Object.values(answer.by_source);
  const adds = (field: 'received' | 'accepted' | 'delivered' | 'spooled' | 'dead_lettered'): boolean =>
    parts.reduce((sum, figures) => sum + figures[field], 0) === answer[field];
  return (
    [answer, ...parts].every(areFiguresBalanced) &&
    adds('received') &&
    adds('accepted') &&
    adds('delivered') &&
    adds('spooled') &&
    adds('dead_lettered')
  );
}

function areFiguresBalanced(figures: LedgerFigures): boolean {
  const { received, accepted, rejected, delivered, spooled, dead_lettered } = figures;
  const refused = Object.values(rejected).reduce((sum, count) => sum + count, 0);
  const is_sound = [received, accepted, delivered, spooled, dead_lettered, ...Object.values(rejected)].every((count) => count >= 0);
  return is_sound && received === accepted + refused && accepted === delivered + spooled + dead_lettered;
}

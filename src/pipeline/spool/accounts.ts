/** The accounts of a sealed segment: summed from those of many blocks into one entry per source, and divided when the segment is. */
import type { BlockAccounts } from '../../contract/block.ts';

interface Sums {
  received: number;
  accepted: number;
  /** A Map, so that no reason's name can meet a property of Object. */
  readonly rejected: Map<string, number>;
}

export class AccountsSum {
  private readonly by_source = new Map<string, Sums>();

  add(accounts: BlockAccounts): void {
    let sums = this.by_source.get(accounts.source);
    if (sums === undefined) {
      sums = { received: 0, accepted: 0, rejected: new Map() };
      this.by_source.set(accounts.source, sums);
    }
    sums.received += accounts.received;
    sums.accepted += accounts.accepted;
    for (const [reason, count] of Object.entries(accounts.rejected)) sums.rejected.set(reason, (sums.rejected.get(reason) ?? 0) + count);
  }

  /** One entry per source, in the order in which the sources first came. */
  entries(): readonly BlockAccounts[] {
    return [...this.by_source].map(([source, sums]) => ({
      source,
      received: sums.received,
      accepted: sums.accepted,
      rejected: Object.fromEntries(sums.rejected),
    }));
  }
}

/**
 * Divides a segment's accounts between the segments that its rows go to, so that every sum over the two is exactly what it was.
 *
 * Rows do not say whose they are: where several sources share a table, the first rows are taken to be the first source's. Rejected events have no row and
 * stay with the first part, which is the one that keeps the segment's first row.
 *
 * @param first_rows of `rows` go to the first part
 */
export function divideAccounts(
  accounts: readonly BlockAccounts[],
  first_rows: number,
  rows: number,
): readonly [first: readonly BlockAccounts[], second: readonly BlockAccounts[]] {
  const accepted = accounts.reduce((sum, entry) => sum + entry.accepted, 0);
  let left = Math.round((accepted * first_rows) / rows);
  const first: BlockAccounts[] = [];
  const second: BlockAccounts[] = [];
  for (const entry of accounts) {
    const taken = Math.min(left, entry.accepted);
    const rest = entry.accepted - taken;
    left -= taken;
    first.push({ ...entry, received: entry.received - rest, accepted: taken });
    second.push({ source: entry.source, received: rest, accepted: rest, rejected: {} });
  }
  return [first.filter(isNotEmpty), second.filter(isNotEmpty)];
}

function isNotEmpty({ received }: BlockAccounts): boolean {
  return received > 0;
}

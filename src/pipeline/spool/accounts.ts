/** Sums the accounts of many blocks into one entry per source, as a sealed segment carries them. */
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

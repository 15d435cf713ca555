/** The books as metrics: gauges, since a dead letter that is replayed goes back, all read at one moment so that a scrape balances. */
import { Gauge, type Registry } from 'prom-client';
import { isBalanced, type LedgerAnswer } from '../../contract/ledger.ts';

/** @param read undefined while the books are not complete: then there is no sample rather than one that is too low */
export function addLedgerMetrics(registry: Registry, read: () => LedgerAnswer | undefined): void {
  const registers = [registry];
  const gauge = (what: string, help: string): Gauge<'source'> =>
    new Gauge({ name: `penstock_ledger_${what}_events`, help, labelNames: ['source'], registers });
  const unbalanced = new Gauge({
    name: 'penstock_ledger_unbalanced',
    help: '1 when the equations of the ledger do not hold, which is a bug or a damaged disk.',
    registers,
    // The registry collects its metrics in the order in which they were made, and within one turn: this one sets them all.
    collect: () => collect(),
  });
  const gauges = {
    received: gauge('received', 'Events of requests that were decoded and not answered 5xx.'),
    rejected: gauge('rejected', 'Events rejected; the reasons are in GET /ledger and in penstock_events_rejected_total.'),
    accepted: gauge('accepted', 'Events accepted: delivered, spooled or dead-lettered.'),
    delivered: gauge('delivered', 'Accepted events that are in ClickHouse.'),
    spooled: gauge('spooled', 'Accepted events on the way to ClickHouse, on the disk of this machine.'),
    dead_lettered: gauge('dead_lettered', 'Accepted events that were set aside for a person.'),
  };
  const collect = (): void => {
    for (const metric of [unbalanced, ...Object.values(gauges)]) metric.reset();
    const answer = read();
    if (answer === undefined) return;
    unbalanced.set(isBalanced(answer) ? 0 : 1);
    for (const [source, figures] of Object.entries(answer.by_source)) {
      gauges.received.set({ source }, figures.received);
      gauges.accepted.set({ source }, figures.accepted);
      gauges.delivered.set({ source }, figures.delivered);
      gauges.spooled.set({ source }, figures.spooled);
      gauges.dead_lettered.set({ source }, figures.dead_lettered);
      const rejected = Object.values(figures.rejected).reduce((sum, count) => sum + count, 0);
      gauges.rejected.set({ source }, rejected);
    }
  };
}

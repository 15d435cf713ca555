/** Connects the ledger, which the spool keeps, with dispatch, which knows of events that never reach the spool, and with the admin listener. */
import { SYSTEM_CLOCK } from '../base/system_clock.ts';
import type { AdminRoute } from '../ops/admin_server.ts';
import { createLedgerRoute } from '../ops/ledger_page.ts';
import type { DispatchObserver } from '../pipeline/dispatch/dispatcher.ts';
import type { Spool } from '../pipeline/spool/spool.ts';
import { SOURCES } from '../sources/list.ts';

const SOURCE_NAMES = SOURCES.map(({ name }) => name);

/**
 * An observer that also tells the ledger of events without an accepted one beside them. Where some were accepted, the accounts of all of them travel in the
 * block that the spool has.
 */
export function countingLoose(observer: DispatchObserver, spool: Spool): DispatchObserver {
  return {
    ...observer,
    eventsCounted: (source, accepted, rejected) => {
      observer.eventsCounted(source, accepted, rejected);
      const received = Object.values(rejected).reduce((sum, count) => sum + count, 0);
      if (accepted === 0 && received > 0) spool.ledger.countLoose({ source: SOURCE_NAMES[source], received, accepted, rejected });
    },
  };
}

export function ledgerRoute(spool: Spool): AdminRoute {
  return createLedgerRoute(spool.ledger, SOURCE_NAMES, SYSTEM_CLOCK);
}

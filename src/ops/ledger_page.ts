/** The page /ledger: the books as JSON, complete or not at all. */
import type { LedgerAnswer } from '../contract/ledger.ts';
import type { Clock } from '../contract/ports.ts';
import type { AdminPage, AdminRoute } from './admin_server.ts';

export interface LedgerReadings {
  uncountedSegments(): number;
  answer(sources: readonly string[]): LedgerAnswer;
}

export interface LedgerRoute extends AdminRoute {
  answer(): Promise<AdminPage & { readonly body: string }>;
}

/** After a start the open segments of the run before are counted while they are sealed: a moment, unless the disk is full or slow. */
const COUNTING_MS_MAX = 5_000;
const COUNTING_POLL_MS = 50;

/** @param sources that are shown even when nothing has come for them */
export function createLedgerRoute(ledger: LedgerReadings, sources: readonly string[], clock: Clock): LedgerRoute {
  return {
    path: '/ledger',
    is_open: false,
    answer: async () => {
      const deadline_ms = clock.monotonicMs() + COUNTING_MS_MAX;
      while (ledger.uncountedSegments() > 0 && clock.monotonicMs() < deadline_ms) await pause(clock);
      const segments = ledger.uncountedSegments();
      if (segments > 0) {
        const message = `${segments} segments of an earlier run are not counted yet. Ask again; the log says why if it takes long.`;
        return page(503, { ok: false, error: 'ledger_incomplete', message });
      }
      return page(200, ledger.answer(sources));
    },
  };
}

function page(status: number, body: unknown): { status: number; content_type: string; body: string } {
  return { status, content_type: 'application/json', body: JSON.stringify(body) };
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.schedule(COUNTING_POLL_MS, resolve));
}

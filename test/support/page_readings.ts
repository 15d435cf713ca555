/** What the page's sampler reads, of a daemon that is well. */
import type { LedgerAnswer } from '../../src/contract/ledger.ts';
import { describeHealth } from '../../src/ops/health.ts';
import type { Reading } from '../../src/ops/page/sample.ts';

const FIGURES = { received: 9, accepted: 7, rejected: { bad: 2 }, delivered: 4, spooled: 2, dead_lettered: 1 };
export const BOOKS: LedgerAnswer = { ...FIGURES, by_source: { deploy_report: FIGURES } };

const ROOM = { spool_bytes: 7, spool_bytes_max: 13, disk_free_bytes: 14, disk_free_bytes_min: 15 };

export function readingAt(monotonic_ms: number, more: Partial<Reading> = {}): Reading {
  return {
    time_ms: 1_000_000 + monotonic_ms,
    monotonic_ms,
    tally: { accepted: 0, rejected: {}, worker_deaths: 0, durations: [], delivered: 0 },
    ingest: { requests_in_flight: 1, body_bytes_in_flight: 2, slabs_queued: 3, slabs_running: 4, stream_connections: 0 },
    spool: {
      ...ROOM,
      queued_bytes: 8,
      open_segments: 9,
      unsealed_segments: 10,
      sealed_segments: 11,
      quarantined: 12,
      dead_letters: { deploy_events: 1 },
    },
    delivery: {
      segments: 1,
      rows: 2,
      bytes: 3,
      parked_segments: 0,
      lag_ms: 1500,
      clickhouse_up: true,
      clickhouse_disk: undefined,
      lanes: [{ table: 'deploy_events', state: 'idle' }],
    },
    health: describeHealth({
      is_stopping: false,
      spool_problem: undefined,
      spool: ROOM,
      clickhouse: { state: 'up', is_embedded: true, has_answered: true, last_error: undefined, disk: undefined },
      registry: { is_embedded: true, problem: undefined },
      delivery: { lag_ms: 1500, segments: 1, problem: undefined },
      refused: { parked_segments: 0, parked_reason: undefined, dead_letters: 1 },
    }),
    ledger: BOOKS,
    ...more,
  };
}

/** A daemon's books as tests read them: from its page, and as `verify` holds them against ClickHouse. */
import assert from 'node:assert/strict';
import { isBalanced, type LedgerAnswer } from '../../src/contract/ledger.ts';
import type { DaemonHome, RunningDaemon } from './daemon.ts';
import { until } from './until.ts';

export const DELIVERY_MS_MAX = 30_000;
/** Segments are sealed soon. */
export const SOON = { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '100' };

export interface Verdict {
  readonly balanced: boolean;
  readonly discrepancies: readonly { kind: string; segment: string; rows_expected: number; rows_found: number }[];
  readonly foreign_segments: number;
  readonly unfinished_erasures: readonly string[];
}

export async function ledgerOf(daemon: RunningDaemon): Promise<LedgerAnswer> {
  const answer = await fetch(daemon.adminUrl('/ledger'));
  assert.equal(answer.status, 200);
  const ledger: LedgerAnswer = JSON.parse(await answer.text());
  assert.ok(isBalanced(ledger), JSON.stringify(ledger));
  return ledger;
}

export async function send(daemon: RunningDaemon, key: string, devices: readonly string[], bad = 0): Promise<void> {
  const events = [
    ...devices.map((distinct_id) => ({ event_type: 'rollback', release_id: 'r', distinct_id })),
    ...Array.from({ length: bad }, () => ({ event_type: 'nonsense' })),
  ];
  const answer = await daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': key });
  assert.equal(answer.status, 202);
}

export async function untilDelivered(daemon: RunningDaemon, events: number): Promise<void> {
  await until(`${events} events are delivered`, DELIVERY_MS_MAX, async () => (await ledgerOf(daemon)).delivered === events);
}

export async function verify(home: DaemonHome, ...options: readonly string[]): Promise<{ code: number; verdict: Verdict }> {
  const { code, stdout, stderr } = await home.command(['verify', '--json', ...options]);
  assert.ok(stdout !== '', stderr);
  return { code, verdict: JSON.parse(stdout) };
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deviation } from '../../../src/contract/source.ts';
import { Deviations } from '../../../src/ops/deviations.ts';
import { ManualClock } from '../../support/manual_clock.ts';

const MINUTE_MS = 60_000;
const BROKEN: Deviation = { kind: 'missing_field', type: 'user.created', reason: 'payload.user.email is missing (required)' };
const UNKNOWN: Deviation = { kind: 'unknown_type', type: 'unknown', reason: 'type is none of the known types' };

function create(): { clock: ManualClock; deviations: Deviations; lines: [string, number][] } {
  const clock = new ManualClock(0);
  const lines: [string, number][] = [];
  return { clock, lines, deviations: new Deviations({ clock, log: ({ kind, events }) => lines.push([kind, events]) }) };
}

test('the same is logged once a minute, with how often it came since', () => {
  const { clock, deviations, lines } = create();
  for (let count = 0; count < 5; count++) deviations.note('webhooks', BROKEN);
  deviations.note('webhooks', UNKNOWN);
  assert.deepEqual(lines, [
    ['missing_field', 1],
    ['unknown_type', 1],
  ]);
  clock.advance(MINUTE_MS);
  deviations.note('webhooks', BROKEN);
  assert.deepEqual(lines.at(-1), ['missing_field', 5]);
});

test('what the live page shows: each kind with its count, its first and last time and its last reason, the latest first', () => {
  const { clock, deviations } = create();
  deviations.note('webhooks', BROKEN);
  deviations.note('webhooks', UNKNOWN);
  clock.advance(5);
  deviations.note('webhooks', { ...BROKEN, reason: 'another' });
  assert.deepEqual(deviations.figures(), [
    { source: 'webhooks', type: 'user.created', kind: 'missing_field', reason: 'another', events: 2, first_at_ms: 0, last_at_ms: 5 },
    { source: 'webhooks', ...UNKNOWN, events: 1, first_at_ms: 0, last_at_ms: 0 },
  ]);
});

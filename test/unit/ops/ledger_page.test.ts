import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerAnswer } from '../../../src/contract/ledger.ts';
import { createLedgerRoute, type LedgerReadings } from '../../../src/ops/ledger_page.ts';
import { ManualClock } from '../../support/manual_clock.ts';

const ANSWER: LedgerAnswer = { received: 0, accepted: 0, rejected: {}, delivered: 0, spooled: 0, dead_lettered: 0, by_source: {} };

/** Books with a segment of an earlier run that is counted when the test says so. */
class Counting implements LedgerReadings {
  segments = 1;

  uncountedSegments(): number {
    return this.segments;
  }

  answer(): LedgerAnswer {
    return ANSWER;
  }
}

test('the page waits until the segments of an earlier run are counted', async () => {
  const ledger = new Counting();
  const clock = new ManualClock(0);
  const answer = createLedgerRoute(ledger, [], clock).answer();
  ledger.segments = 0;
  clock.advance(50);
  assert.deepEqual(await answer, { status: 200, content_type: 'application/json', body: JSON.stringify(ANSWER) });
});

test('after five seconds it says that the books are not complete rather than give numbers that are too low', async () => {
  const clock = new ManualClock(0);
  const answer = createLedgerRoute(new Counting(), [], clock).answer();
  clock.advance(5_000);
  const { status, body } = await answer;
  assert.equal(status, 503);
  assert.match(body, /"error":"ledger_incomplete","message":"1 segments of an earlier run/);
});

import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { createLogger } from '../../../../src/ops/logger.ts';
import { PROBLEMS_MAX, ProblemRing } from '../../../../src/ops/page/problem_ring.ts';
import { ManualClock } from '../../../support/manual_clock.ts';

function create() {
  const clock = new ManualClock(0);
  const ring = new ProblemRing(clock);
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const log = createLogger(output, 'info', (level, event, fields) => ring.add(level, event, fields));
  return { clock, ring, log };
}

test('warnings and errors of the log are kept, the latest first, and the same one again is counted', () => {
  const { clock, ring, log } = create();
  log.info({}, 'started');
  log.warn({ table: 'deploy_events', code: '241', message: 'Memory limit' }, 'insert_failed');
  clock.advance(10);
  log.error({ registry: 'fleet' }, 'registry_away');
  clock.advance(10);
  log.warn({ table: 'deploy_events', code: '241', message: 'Memory limit' }, 'insert_failed');
  assert.deepEqual(
    ring.list().map(({ level, event, text, first_ms, last_ms, times }) => [level, event, text, first_ms, last_ms, times]),
    [
      ['warning', 'insert_failed', 'table deploy_events, code 241: Memory limit', 0, 20, 2],
      ['error', 'registry_away', 'registry fleet', 10, 10, 1],
    ],
  );
});

test('a problem shows no key, no payload and no password: unknown fields and what is quoted are left out', () => {
  const { ring, log } = create();
  const message = "Cannot parse 'device of Jane' at \"mail\" of `x` from http://user:pass@host:8123/ now\n  stack of secrets 'open";
  log.error({ key: 'sk_live_1', body: 'payload', message, reason: new Error("it's 'private").message }, 'insert_failed');
  const [problem] = ring.list();
  assert.equal(problem?.text, 'Cannot parse … at … of … from http://…@host:8123/ now: it…private');
});

test('the ring is bounded in number and length', () => {
  const { ring, log } = create();
  for (let number = 0; number < PROBLEMS_MAX + 10; number++) log.warn({ reason: `${number} ${'x'.repeat(10_000)}` }, 'many');
  assert.equal(ring.list().length, PROBLEMS_MAX);
  assert.ok(ring.list().every(({ text }) => text.length <= 240));
  assert.match(ring.list()[0]?.text ?? '', /^59 /);
});

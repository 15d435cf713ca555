/** The kernel's path and the slow path alone must answer the same, byte for byte. `test/long/kernel_fuzz.ts` runs it for longer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KernelComparison } from '../support/kernel_comparison.ts';

const CASES = 20_000;
const SEED = 20_261_121;
const EVENT = '{"event_type":"rollback","release_id":"r","distinct_id":"d","platform":"ios","metadata":"{\\"a\\":1}"}';
const EVENT_BYTES_MAX = 1 << 20;

test(`${CASES} bodies, valid, nearly valid and hostile (seed=${SEED})`, () => {
  const comparison = new KernelComparison(SEED);
  for (let cases = 0; cases < CASES; ) cases += comparison.step();
  const { failed, accepted, rejected } = comparison.seen;
  // The test means something only if there is enough of each.
  assert.ok(failed > CASES / 20 && accepted > CASES / 2 && rejected > CASES / 50, JSON.stringify(comparison.seen));
});

test('every byte value at every place of a small body, and every proper prefix', () => {
  const comparison = new KernelComparison(0);
  const body = Buffer.from(`{"events":[${EVENT}]}`);
  for (let at = 0; at < body.length; at++) {
    const damaged = Array.from({ length: 256 }, (_, byte) => {
      const copy = Buffer.from(body);
      copy[at] = byte;
      return copy;
    });
    comparison.compare([...damaged, body.subarray(0, at)], EVENT_BYTES_MAX);
  }
});

test('strings at and around powers of two, in every field', () => {
  const comparison = new KernelComparison(0);
  for (let power = 0; power <= 17; power++) {
    const bodies = [-1, 0, 1].flatMap((more) => {
      const length = Math.max(0, 2 ** power + more);
      return ['x', 'é', '\\n', '\\ud83d\\ude00'].flatMap((piece) => {
        const text = piece.repeat(length);
        const event = `{"event_type":"rollback","release_id":"r","distinct_id":"d","platform":"${text}","metadata":{"k":"${text}"}}`;
        const long_id = `{"event_type":"rollback","release_id":"${text}","distinct_id":"d"}`;
        return [Buffer.from(`{"events":[${event},${EVENT},${long_id}]}`), Buffer.from(`{"${text}":"${text}","events":[${EVENT}]}`)];
      });
    });
    comparison.compare(bodies, EVENT_BYTES_MAX);
  }
});

test('a body that fails late takes back the rows and the dictionary entries of its earlier events', () => {
  const comparison = new KernelComparison(0);
  const event = (name: string): string => `{"event_type":"rollback","release_id":"r","distinct_id":"d","platform":"${name}"}`;
  const good = Buffer.from(`{"events":[${event('kept')},${event('kept too')}]}`);
  const many = Array.from({ length: 300 }, (_, index) => event(`lost ${index}`)).join();
  const late = ['', ']', ']}x', ',{]}', ',{"a":1}', ',7],"events":[]}', '],"a":tru}', ',"\\x"]}'];
  comparison.compare([good, ...late.flatMap((end) => [Buffer.from(`{"events":[${many}${end}`), good])], EVENT_BYTES_MAX);
});

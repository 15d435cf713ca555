/** What the overload bench's senders rest on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NumberedRequest } from '../../../bench/overload/batch.ts';
import { parseCores } from '../../../bench/overload/cores.ts';
import { type Attempt, Returns } from '../../../bench/overload/returns.ts';

test('the processors that a process may use are read from ranges and single numbers', () => {
  assert.deepEqual(parseCores('Name:\tnode\nCpus_allowed:\t2f\nCpus_allowed_list:\t0-3,5\nMems_allowed:\t1\n'), [0, 1, 2, 3, 5]);
  assert.throws(() => parseCores('Name:\tnode\n'));
});

test('who was sent away comes back when it is due, whatever the others were told, and once', () => {
  const returns = new Returns();
  const made: Attempt[] = [];
  const make = (attempt: Attempt): void => {
    made.push(attempt);
  };
  for (let serial = 0; serial < 5000; serial++) {
    const delay_ms = serial % 2 === 0 ? 3000 : 50;
    returns.add(delay_ms, { serial, due_ms: serial + delay_ms, tries: 2 });
  }
  returns.makeDue(49, make);
  assert.equal(made.length, 0);
  returns.makeDue(1051, make);
  assert.deepEqual(
    made.splice(0).map(({ serial }) => serial),
    Array.from({ length: 501 }, (_, index) => 2 * index + 1).filter((serial) => serial <= 1001),
  );
  returns.makeDue(10_000, make);
  assert.equal(made.length + 501, 5000);
  assert.equal(returns.size(), 0);
});

test('a request is told from every other by its number, also from bytes that were used before', () => {
  const request = new NumberedRequest({ key: 'k', device_prefix: 'run-', batch_events: 2 });
  const devices = (bytes: Buffer): string[] => [...String(bytes).matchAll(/"distinct_id":"([^"]+)"/g)].map(([, name = '']) => name);
  const first = request.take(7);
  assert.deepEqual(devices(first), ['run-00000007-000', 'run-00000007-001']);
  request.giveBack(first);
  const second = request.take(12_345_678);
  assert.equal(second, first);
  assert.deepEqual(devices(second), ['run-12345678-000', 'run-12345678-001']);
  assert.notEqual(request.take(8), second);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Opening } from '../../../src/registry/opening.ts';
import { ManualClock } from '../../support/manual_clock.ts';

test('what is closed while it opens does not count as open, however far it came', async () => {
  let come_to_an_end = (): void => undefined;
  const opening = new Opening({
    clock: new ManualClock(0),
    open: () =>
      new Promise((resolve) => {
        come_to_an_end = resolve;
      }),
    failed: () => assert.fail('nothing failed'),
  });
  const [started, waiting] = [opening.start(), assert.rejects(opening.opened(), { code: 'shutting_down' })];
  const closed = opening.close();
  come_to_an_end();
  await Promise.all([started, closed, waiting]);
  assert.equal(opening.is_open, false);
});

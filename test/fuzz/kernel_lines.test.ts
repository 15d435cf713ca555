/** Events on lines make the same rows as the same events in a batch, and what is no event on its line is left to the host alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KernelReader } from '../support/kernel_reading.ts';
import { LikelyBodies } from '../support/likely_bodies.ts';
import { seededRandom } from '../support/seeded_random.ts';

const BODIES = 2000;
const SEED = 20_261_122;
const EVENT_BYTES_MAX = 400;
const BLANKS = ['', ' ', '\r', '\t  '];

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test(`${BODIES} bodies of lines (seed=${SEED})`, () => {
  const random = seededRandom(SEED);
  const bodies = new LikelyBodies(random);
  const reader = new KernelReader(EVENT_BYTES_MAX);
  const seen = { rows: 0, left: 0, not_json: 0 };
  for (let body = 0; body < BODIES; body++) {
    const events = Array.from({ length: random.below(20) }, () => bodies.event());
    const lines = events.flatMap((event) => [event + random.pick(BLANKS), ...(random.below(9) === 0 ? [random.pick(BLANKS)] : [])]);
    const of_lines = reader.read(lines.join('\n') + random.pick(['', '\n']), 'readLines');
    const columns = reader.columns();
    const of_batch = reader.read(`{"events":[${events.filter(isJson).join()}]}`);
    assert.equal(of_lines.result, 'done');
    assert.equal(of_lines.rows, of_batch.rows, `body ${body}`);
    assert.deepEqual(of_lines.left.filter(isJson), of_batch.left, `body ${body}`);
    assert.ok(columns.equals(reader.columns()), `body ${body}: the columns differ`);
    seen.rows += of_lines.rows;
    seen.left += of_batch.left.length;
    seen.not_json += of_lines.left.length - of_batch.left.length;
  }
  assert.ok(seen.rows > BODIES && seen.left > BODIES / 4 && seen.not_json > BODIES / 20, JSON.stringify(seen));
});

/** Random HTTP against a real daemon, for a few seconds; `npm run test:long` runs it for longer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpFuzz } from '../support/http_fuzz.ts';

const SEED = 20_261_121;
const REQUESTS = 600;

test(`${REQUESTS} random requests: the daemon lives, and what it acknowledged is in ClickHouse (seed=${SEED})`, async (context) => {
  const { answers, acknowledged, in_clickhouse } = await HttpFuzz.run(context, { seed: SEED, requests: REQUESTS });
  context.diagnostic(`acknowledged ${acknowledged}, in ClickHouse ${in_clickhouse}, answers ${JSON.stringify([...answers].sort())}`);
  // The test means something only if there is enough of each.
  for (const status of ['202', '400', '401', '415']) assert.ok((answers.get(status) ?? 0) > REQUESTS / 200, status);
  assert.ok(acknowledged > REQUESTS / 5);
});

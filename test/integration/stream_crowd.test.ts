/** What many connections cost. `npm run test:long` opens as many as the targets say; docs/STREAM.md has the figures. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { droppedCrowd, idleCrowd } from '../support/stream_crowd.ts';

const IDLE = 2000;
/** 150 MB for 10,000. */
const BYTES_EACH_MAX = 15_000;
const DROPPED = 2000;
const GROWTH_MAX = 0.1;

test(`${IDLE} idle connections take at most ${BYTES_EACH_MAX} bytes each`, async (context) => {
  const { added_bytes } = await idleCrowd(context, IDLE);
  context.diagnostic(`${Math.round(added_bytes / IDLE)} bytes each`);
  assert.ok(added_bytes / IDLE <= BYTES_EACH_MAX, `${Math.round(added_bytes / IDLE)} bytes each`);
});

test(`${DROPPED} connections that are dropped at random under load leave nothing behind`, async (context) => {
  const seed = 5;
  const { growth } = await droppedCrowd(context, { seed, connections: DROPPED, rate: 2000, seconds: 5, growth_max: GROWTH_MAX });
  context.diagnostic(`seed=${seed} grew by ${(growth * 100).toFixed(1)} %`);
});

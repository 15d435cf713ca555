/** The short run of the spool's model; `npm run test:long` goes on with other seeds. */
import { test } from 'node:test';
import { runSpoolModel } from '../support/spool_model.ts';

const FIRST_SEED = 20_261_121;
const SEEDS = Array.from({ length: 60 }, (_, index) => FIRST_SEED + index);

test(`acknowledged rows are inserted exactly once, whatever happens (seed=${FIRST_SEED} to ${FIRST_SEED + SEEDS.length - 1})`, async () => {
  for (const seed of SEEDS) await runSpoolModel(seed);
});

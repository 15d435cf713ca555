/** The short run of the scan's fuzz; `npm run test:long` goes on with other seeds. */
import { test } from 'node:test';
import { fuzzBatches } from '../support/batch_fuzz.ts';

const CASES = 20_000;
const SEED = 20_261_121;

test(`the elements found are the elements parsed, in ${CASES} random bodies (seed=${SEED})`, () => {
  fuzzBatches(SEED, CASES);
});

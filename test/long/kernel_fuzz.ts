/** The comparison of `test/fuzz/kernel.test.ts` for as long as wanted: `node dist/test/long/kernel_fuzz.js [--cases N | --seconds N] [--seed N]`. */
import { parseArgs } from 'node:util';
import { KernelComparison } from '../support/kernel_comparison.ts';

const { values } = parseArgs({ options: { cases: { type: 'string' }, seconds: { type: 'string' }, seed: { type: 'string' } } });
const seed = Number(values.seed ?? Date.now() % 2 ** 32);
const cases_max = Number(values.cases ?? (values.seconds === undefined ? 1_000_000 : Number.POSITIVE_INFINITY));
const end_ms = Date.now() + Number(values.seconds ?? Number.POSITIVE_INFINITY) * 1000;

process.stdout.write(`seed=${seed}\n`);
const comparison = new KernelComparison(seed);
while (comparison.seen.requests < cases_max && Date.now() < end_ms) comparison.step();
process.stdout.write(`no difference: ${JSON.stringify(comparison.seen)}\n`);

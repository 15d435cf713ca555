/**
 * `npm run bench:guard`: fails when a stage has become dearer than it may be, as a multiple of a reference that is measured in the
 * same run. The limits are what was measured when they were written, times a tolerance that noise does not trip: the medians of
 * repeated runs on a busy two-core machine stayed within a quarter of each other.
 */
import { type Measured, measure, table } from './measure.ts';
import { withSpoolStages } from './spool_stages.ts';
import { workerStages } from './stages.ts';

const TOLERANCE = 1.5;
const OPTIONS = { rounds: 5, time_ms: 200 };

/** Ratios to JSON.parse of the same events, as measured (`npm run bench`). */
const WORKER_RATIOS: Readonly<Record<string, number>> = {
  scan: 0.2,
  identify: 0.16,
  validate: 0.2,
  'check metadata': 0.16,
  encode: 1.3,
  'bytes to block': 0.28,
  'bytes to columns': 0.33,
  'bytes to block, with spaces': 0.55,
  'bytes to block, with event_id': 0.33,
  'lines to block': 0.42,
  'bytes to block, slow path': 3.2,
};
/** To one write and one fdatasync of the same bytes at the end of a file. An fdatasync varies more than a processor does. */
const SPOOL_RATIOS: Readonly<Record<string, number>> = { 'spool append': 1.6 };

function breaches(results: readonly Measured[], ratios: Readonly<Record<string, number>>): string[] {
  return Object.entries(ratios).flatMap(([name, expected]) => {
    const measured = results.find((result) => result.name === name);
    if (measured === undefined) return [`${name} was not measured`];
    const limit = expected * TOLERANCE;
    return measured.ratio <= limit
      ? []
      : [`${name}: ${measured.ratio.toFixed(2)} times its reference; at most ${limit.toFixed(2)} is allowed`];
  });
}

const worker = await measure(workerStages(), { ...OPTIONS, reference: 'JSON.parse' });
process.stdout.write(table(worker, 'JSON.parse'));
const problems = breaches(worker, WORKER_RATIOS);
await withSpoolStages(async (stages) => {
  const spool = await measure(stages, { ...OPTIONS, reference: 'write + fdatasync' });
  process.stdout.write(`\n${table(spool, 'write + fdatasync')}`);
  problems.push(...breaches(spool, SPOOL_RATIOS));
});
for (const problem of problems) process.stdout.write(`SLOWER  ${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;

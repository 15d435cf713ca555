/** `npm run bench`: what each stage costs per event, and how that compares with JSON.parse of the same events. */
import { measure, table } from './measure.ts';
import { withSpoolStages } from './spool_stages.ts';
import { workerStages } from './stages.ts';

const REFERENCE = 'JSON.parse';
const SPOOL_REFERENCE = 'write + fdatasync';
const OPTIONS = { rounds: 3, time_ms: 300 };

process.stdout.write(table(await measure(workerStages(), { ...OPTIONS, reference: REFERENCE }), REFERENCE));
await withSpoolStages(async (stages) => {
  process.stdout.write(`\n${table(await measure(stages, { ...OPTIONS, reference: SPOOL_REFERENCE }), SPOOL_REFERENCE)}`);
});

/** The short run of kill -9 under load; `npm run test:long` goes on for as long as it is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashRun } from '../support/crash_run.ts';

const SEED = 20_261_121;
const KILLS = 4;
const ENGINE_KILLS = 1;

test(`every acknowledged event is in ClickHouse exactly once after ${KILLS} kills of the daemon and ${ENGINE_KILLS} of its engine under load (seed=${SEED})`, async (context) => {
  const report = await crashRun(context, { seed: SEED, kills: KILLS, engine_kills: ENGINE_KILLS, pause_ms: 10 });
  assert.ok(
    [report.acknowledged, ...report.singles_acknowledged].every((count) => count > 0),
    JSON.stringify(report),
  );
  assert.deepEqual(
    { lost: report.lost, duplicates: report.duplicates, wrong: report.wrong },
    { lost: 0, duplicates: 0, wrong: 0 },
    JSON.stringify(report),
  );
});

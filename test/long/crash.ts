/**
 * `npm run test:crash -- --kills N --engine-kills M --seed S`: starts the daemon, loads it, kills it and its engine with SIGKILL at random
 * moments, again and again, and then reads back every row. Ends with a table; exit 1 unless nothing was lost, doubled or changed.
 */
import { parseArgs } from 'node:util';
import { type CrashReport, crashRun } from '../support/crash_run.ts';

const USAGE = `Usage: npm run test:crash -- [--kills N] [--engine-kills M] [--seed S]

Runs the daemon under load, ends it N times (20) and its ClickHouse M times (5) with kill -9 at moments that the seed
chooses, and compares every row in ClickHouse with what was sent. About 2 s a kill. Exit 0: nothing lost, doubled or
changed; 1: something was; 2: wrong usage.
`;

interface Plan {
  readonly kills: number;
  readonly engine_kills: number;
  readonly seed: number;
}

function readPlan(): Plan | undefined {
  try {
    const { values } = parseArgs({
      options: {
        kills: { type: 'string', default: '20' },
        'engine-kills': { type: 'string', default: '5' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      },
    });
    const plan = { kills: Number(values.kills), engine_kills: Number(values['engine-kills']), seed: Number(values.seed) };
    return Object.values(plan).every((value) => Number.isSafeInteger(value) && value >= 0) ? plan : undefined;
  } catch {
    return undefined;
  }
}

function tableOf(report: CrashReport): string {
  const lines: readonly [string, number][] = [
    ['kills of the daemon', report.daemon_kills],
    ['kills of ClickHouse', report.engine_kills],
    ['events sent', report.sent],
    ['acknowledged', report.acknowledged],
    ['of them webhooks', report.singles_acknowledged[0]],
    ['and of pipelines', report.singles_acknowledged[1]],
    ['in ClickHouse', report.in_clickhouse],
    ['duplicates', report.duplicates],
    ['lost', report.lost],
    ['changed', report.wrong],
  ];
  return lines.map(([name, count]) => `${name.padEnd(22)}${count.toLocaleString('en-US').padStart(14)}\n`).join('');
}

/** Resolves to the exit code. */
async function run(plan: Plan): Promise<number> {
  const cleanups: (() => Promise<void>)[] = [];
  const all = plan.kills + plan.engine_kills;
  const say = (kills: number): void => {
    if (process.stderr.isTTY || kills % 10 === 0 || kills === all) process.stderr.write(`seed=${plan.seed}: ${kills} of ${all} kills\n`);
  };
  try {
    const report = await crashRun({ after: (callback) => cleanups.push(callback) }, plan, say);
    process.stdout.write(tableOf(report));
    return report.lost + report.duplicates + report.wrong === 0 ? 0 : 1;
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

const plan = readPlan();
if (plan === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  process.exitCode = await run(plan);
}

/**
 * Runs the tests with Node's own runner: `npm test` all but the long ones, `npm test -- WORD…` the files whose path has one of the
 * words. The list comes from the sources, so that what an earlier build left in `dist/` is not run.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { DaemonHome } from './support/daemon.ts';
import { PREPARED_STORE, takeStore } from './support/prepared_store.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
/** More than cores: a file that waits for a segment or a start leaves its core to another; three left two cores idle for 40 % of their time. */
const CONCURRENCY = 5;
/** A file that hangs fails, rather than the whole run. */
const FILE_MS_MAX = 240_000;
/** The processes of the tests inherit it. */
const SOURCE_MAPS = '--enable-source-maps';
/** Those that take longest begin first, or the run would end with one of them alone. */
const LONGEST = [
  ...['fault/proxy', 'integration/live_page', 'integration/poison_row', 'integration/delivery_pauses', 'integration/release_projections'],
  ...['integration/full_disk', 'integration/limits', 'integration/load_forms', 'integration/release_', 'integration/tls'],
  ...['integration/webhook', 'integration/ledger', 'fault/poison_kill', 'integration/openapi', 'integration/store_limits'],
  ...['integration/', 'fault/', 'contract/', 'fuzz/', 'model/'],
];
/**
 * Half of what a unit test costs is the start of its process, so that many share one: they touch nothing that is not theirs. But for one that
 * asks what its process has loaded.
 */
const UNIT = 'test/unit/';
const ALONE = 'test/unit/schemas/start.test.ts';
const UNITS_PER_PROCESS = 24;

function testFiles(words: readonly string[]): string[] {
  return readdirSync(join(REPOSITORY, 'test'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(REPOSITORY, join(entry.parentPath, entry.name)))
    .filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
    .sort((left, right) => rank(left) - rank(right) || (left < right ? -1 : 1));
}

function rank(path: string): number {
  const place = LONGEST.findIndex((start) => path.startsWith(`test/${start}`));
  return place === -1 ? LONGEST.length : place;
}

function built(path: string): string {
  return join(REPOSITORY, 'dist', path.replace(/\.ts$/, '.js'));
}

/** Files for the runner; those that are written stand for the unit tests that they import. */
function programs(paths: readonly string[], directory: string): string[] {
  const shares = (path: string): boolean => path.startsWith(UNIT) && path !== ALONE;
  const units = paths.filter(shares);
  const files = paths.filter((path) => !shares(path)).map(built);
  for (let first = 0; first < units.length; first += UNITS_PER_PROCESS) {
    const imports = units.slice(first, first + UNITS_PER_PROCESS).map((path) => `import '${pathToFileURL(built(path))}';\n`);
    const file = join(directory, `units_from_${first}.test.mjs`);
    writeFileSync(file, imports.join(''));
    files.push(file);
  }
  return files;
}

/** Lets a daemon make its tables, for the processes of the tests to copy. */
async function prepareStore(directory: string): Promise<string> {
  const takings_down: (() => Promise<void>)[] = [];
  const home = await DaemonHome.createEmpty({ after: (take_down) => takings_down.push(take_down) });
  const store = join(directory, 'store');
  try {
    await (await home.start()).stop();
    await takeStore(home.data_dir, store);
  } finally {
    for (const take_down of takings_down) await take_down();
  }
  return store;
}

async function runTests(words: readonly string[]): Promise<void> {
  const paths = testFiles(words);
  if (paths.length === 0) {
    process.stderr.write('No test file has that in its path.\n');
    process.exitCode = 2;
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'penstock-tests-'));
  if (paths.filter((path) => !path.startsWith(UNIT)).length > 1) {
    await prepareStore(directory).then(
      (store) => {
        process.env[PREPARED_STORE] = store;
      },
      // What is wrong with the daemon, the tests say better.
      (error: unknown) => process.stderr.write(`Each daemon begins empty, since no store could be prepared: ${String(error)}\n`),
    );
  }
  const events = run({ files: programs(paths, directory), concurrency: CONCURRENCY, timeout: FILE_MS_MAX });
  events.on('test:fail', ({ todo }) => {
    if (todo === undefined || todo === false) process.exitCode = 1;
  });
  const report = events.compose(new spec());
  report.pipe(process.stdout);
  await once(report, 'end');
  rmSync(directory, { recursive: true });
}

const words = process.argv.slice(2);
if (process.execArgv.includes(SOURCE_MAPS)) {
  await runTests(words);
} else {
  const again = spawn(process.execPath, [SOURCE_MAPS, fileURLToPath(import.meta.url), ...words], { stdio: 'inherit', cwd: REPOSITORY });
  again.on('exit', (code) => process.exit(code ?? 1));
}

/**
 * Runs the tests with Node's own runner: `npm test` all but the long ones, `npm test -- WORD…` the files whose path has one of the
 * words. The list comes from the sources, so that what an earlier build left in `dist/` is not run.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
/** More than cores: a file that waits for a segment or a start leaves its core to another; three left two cores idle for 40 % of their time. */
const CONCURRENCY = 5;
/** A test that hangs fails, rather than the whole run. */
const TEST_MS_MAX = 240_000;

function testFiles(words: readonly string[]): string[] {
  return readdirSync(join(REPOSITORY, 'test'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(REPOSITORY, join(entry.parentPath, entry.name)))
    .filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
    .map((path) => join(REPOSITORY, 'dist', path.replace(/\.ts$/, '.js')))
    .sort();
}

const files = testFiles(process.argv.slice(2));
if (files.length === 0) {
  process.stderr.write('No test file has that in its path.\n');
  process.exit(2);
}
const options = [
  '--test',
  `--test-timeout=${TEST_MS_MAX}`,
  '--enable-source-maps',
  `--test-concurrency=${CONCURRENCY}`,
  '--test-reporter=spec',
];
const runner = spawn(process.execPath, [...options, ...files], { stdio: 'inherit', cwd: REPOSITORY });
runner.on('exit', (code) => process.exit(code ?? 1));

/**
 * Joins the modules of this repository to the programs that run, `main.js`, `worker.js` and `engine.js` in `dist/bundle/`; run by `npm run build`.
 *
 * Loading some 340 modules one by one is a third of the CPU of a start, whatever is in them. Dependencies stay where npm puts them. Nothing is
 * shortened, so that a stack can be read; the maps beside the files lead it to `src/` (`node --enable-source-maps`).
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { installedFile } from '../base/installation.ts';

const DIRECTORY = fileURLToPath(installedFile('dist/bundle/'));
const PROGRAMS: Readonly<Record<string, string>> = {
  main: 'dist/src/main.js',
  worker: 'dist/src/pipeline/worker/worker.js',
  engine: 'dist/src/clickhouse/embedded/child.js',
};

const { outputFiles: files } = await build({
  absWorkingDir: fileURLToPath(installedFile('.')),
  entryPoints: PROGRAMS,
  outdir: DIRECTORY,
  bundle: true,
  // What a command imports when it runs stays a file of its own.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'es2023',
  packages: 'external',
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
  write: false,
});

mkdirSync(DIRECTORY, { recursive: true });
const present = new Set(readdirSync(DIRECTORY));
const is_program = (name: string): boolean => name.replace(/\.js(\.map)?$/, '') in PROGRAMS;
// The programs last: what they import is there before them. A process that runs may still import what has not changed.
const outputs = files.map(({ path, contents }) => ({ name: basename(path), contents }));
for (const { name, contents } of outputs.sort((left, right) => Number(is_program(left.name)) - Number(is_program(right.name)))) {
  if (present.has(name) && readFileSync(join(DIRECTORY, name)).equals(contents)) continue;
  // By a rename, so that a build that was broken off leaves no half of one.
  const unfinished = join(DIRECTORY, `${name}.${process.pid}`);
  writeFileSync(unfinished, contents);
  renameSync(unfinished, join(DIRECTORY, name));
}
const wanted = new Set(outputs.map(({ name }) => name));
for (const name of present) if (!wanted.has(name)) rmSync(join(DIRECTORY, name), { force: true });

/**
 * Compiles `assembly/` to `kernel.wasm` beside this file in `dist/`, when a source is newer than it. Run by `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const SOURCES = join(REPOSITORY, 'src/kernel/assembly');
const OUTPUT = fileURLToPath(new URL('./kernel.wasm', import.meta.url));
const OPTIONS = [
  '--optimizeLevel',
  '3',
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '--noAssert',
  '--use',
  'abort=',
  '--disableWarning',
  '112',
];

function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function compile(): number {
  const compiler = join(createRequire(import.meta.url).resolve('assemblyscript/package.json'), '../bin/asc.js');
  const command_line = [compiler, join(SOURCES, 'index.ts'), '--outFile', OUTPUT, ...OPTIONS];
  return spawnSync(process.execPath, command_line, { stdio: 'inherit', cwd: REPOSITORY }).status ?? 1;
}

const newest_source_ms = Math.max(...readdirSync(SOURCES).map((name) => modifiedMs(join(SOURCES, name))));
if (modifiedMs(OUTPUT) <= newest_source_ms) process.exitCode = compile();

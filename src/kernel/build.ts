/**
 * Compiles `assembly/` to `kernel.wasm` and `assembly/cutting/` to `cutting.wasm` beside this file in `dist/`, when a source is newer
 * than it. Run by `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const SOURCES = join(REPOSITORY, 'src/kernel/assembly');
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

/** Compiles the module in `directory` if it must be; whether that went well. */
function compile(directory: string, output: string): boolean {
  const newest_source_ms = Math.max(...readdirSync(directory).map((name) => modifiedMs(join(directory, name))));
  if (modifiedMs(output) > newest_source_ms) return true;
  const compiler = join(createRequire(import.meta.url).resolve('assemblyscript/package.json'), '../bin/asc.js');
  const command_line = [compiler, join(directory, 'index.ts'), '--outFile', output, ...OPTIONS];
  return spawnSync(process.execPath, command_line, { stdio: 'inherit', cwd: REPOSITORY }).status === 0;
}

const output_of = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const is_built = compile(SOURCES, output_of('./kernel.wasm')) && compile(join(SOURCES, 'cutting'), output_of('./cutting.wasm'));
process.exitCode = is_built ? 0 : 1;

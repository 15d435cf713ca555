import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin, SourceMap } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { installedFile } from '../../../src/base/installation.ts';

const DIRECTORY = fileURLToPath(installedFile('dist/bundle/'));
const FILES = readdirSync(DIRECTORY).filter((name) => name.endsWith('.js'));

function textOf(name: string): string {
  return readFileSync(join(DIRECTORY, name), 'utf8');
}

test('what is shipped imports only Node, its own files and what is installed with it', () => {
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(readFileSync(installedFile('package.json'), 'utf8'));
  const may_import = (specifier: string): boolean =>
    specifier.startsWith('node:')
      ? isBuiltin(specifier)
      : FILES.some((name) => specifier === `./${name}`) || Object.keys(dependencies).some((name) => `${specifier}/`.startsWith(`${name}/`));
  const specifiers = FILES.flatMap((name) => [
    ...textOf(name).matchAll(/^(?:import|export)\b[^'"]*["']([^"']+)["'];$|\bimport\("([^"]+)"\)/gm),
  ]);
  const imported = new Set(specifiers.map(([, statically, dynamically]) => statically ?? dynamically ?? ''));
  assert.ok(imported.has('lmdb') && imported.has('yaml'), 'static and dynamic imports are found');
  assert.deepEqual(
    [...imported].filter((specifier) => !may_import(specifier)),
    [],
  );
});

test('a line of a stack is found in the sources', () => {
  const [file = ''] = FILES.filter((name) => /^async function startDaemon\(/m.test(textOf(name)));
  const line = textOf(file)
    .split('\n')
    .findIndex((text) => text.startsWith('async function startDaemon('));
  const entry = new SourceMap(JSON.parse(textOf(`${file}.map`))).findEntry(line, 'async function '.length);
  assert.ok('originalSource' in entry);
  const source = readFileSync(join(DIRECTORY, entry.originalSource), 'utf8').split('\n');
  assert.match(source[entry.originalLine] ?? '', /^export async function startDaemon\(/);
});

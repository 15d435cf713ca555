/** docs/RELIABILITY.md names a test for every fault; a test that was renamed or removed, or a command that is none, shows here. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../../..', import.meta.url));
const FAULTS = 15;
const DOCUMENT = readFileSync(join(REPOSITORY, 'docs/RELIABILITY.md'), 'utf8');

test('each of the fifteen faults, and every other row beside them, names tests that exist', () => {
  const [, table = ''] = DOCUMENT.split('| fault | what happens | test |');
  const rows = table.split('\n\n', 1)[0].split('\n').slice(2);
  const numbers = rows.map((row) => Number(/^\| (\d+) /.exec(row)?.[1])).filter(Number.isInteger);
  assert.deepEqual(
    numbers,
    Array.from({ length: FAULTS }, (_none, index) => index + 1),
  );
  const names = new Set(readdirSync(join(REPOSITORY, 'test'), { recursive: true, encoding: 'utf8' }).map((path) => basename(path)));
  for (const row of rows) {
    const named = [...row.matchAll(/`([\w/]+\.test\.ts)`/g)].map(([, path = '']) => path);
    assert.ok(named.length > 0, row);
    // A test beside the one that is named before it goes without its directory.
    for (const path of named) assert.ok(path.includes('/') ? existsSync(join(REPOSITORY, path)) : names.has(path), path);
  }
});

test('every npm command in it exists', () => {
  const { scripts }: { scripts: Readonly<Record<string, string>> } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'));
  const commands = [...DOCUMENT.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
  assert.ok(commands.length > 3);
  for (const command of commands) assert.ok(command in scripts, command);
});

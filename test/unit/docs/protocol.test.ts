/** docs/PROTOCOL.md names a test for every input; a test that was renamed or removed shows here. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../../..', import.meta.url));
const NAMED_TEST = /`([a-z_/]+\.test\.ts)`: "([^"]+)"/g;

test('every row of the protocol names a test that exists, or the one of the row above', () => {
  const rows = readFileSync(join(REPOSITORY, 'docs/PROTOCOL.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.endsWith(' test |'));
  assert.ok(rows.length > 40);
  for (const row of rows) {
    const named = [...row.matchAll(NAMED_TEST)];
    assert.ok(named.length > 0 || row.endsWith('| as above |'), row);
    for (const [, path = '', name = ''] of named) {
      const file = join(REPOSITORY, 'test', path);
      assert.ok(existsSync(file) && readFileSync(file, 'utf8').includes(name), `${path}: ${name}`);
    }
  }
});

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { parsedPath, parseYaml } from '../../../src/base/yaml.ts';
import { DEFAULTS_PATH } from '../config/loading.ts';

test('the defaults that the build has parsed are what the parser reads in them', async () => {
  const text = readFileSync(DEFAULTS_PATH, 'utf8');
  assert.ok(existsSync(parsedPath(text)));
  assert.deepEqual(await parseYaml(text), parse(text));
});

test('a text that differs from the defaults in one byte, and one of nothing, are parsed as they are', async () => {
  const text = readFileSync(DEFAULTS_PATH, 'utf8');
  assert.ok(!existsSync(parsedPath(`${text}\n`)));
  assert.deepEqual(await parseYaml(`${text}extra: [1, two]\n`), { ...parse(text), extra: [1, 'two'] });
  assert.equal(await parseYaml('# nothing\n'), null);
  await assert.rejects(parseYaml('a: [1'));
});

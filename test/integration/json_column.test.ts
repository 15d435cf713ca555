/** The guard against the engine itself: whatever the guard lets through, ClickHouse's JSON column takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonGuard } from '../../src/pipeline/worker/json_guard.ts';
import { startEngine } from '../support/engine.ts';
import { JSON_COLUMN_FITTING } from '../support/json_column_cases.ts';
import { nativeBlock, stringColumn } from '../support/native.ts';
import { seededRandom } from '../support/seeded_random.ts';

const SEED = 20_261_121;
const CASES = 5_000;
const CREATE = 'CREATE TABLE documents (text String, document JSON(max_dynamic_paths=64)) ENGINE = MergeTree ORDER BY tuple()';
const guard = new JsonGuard();
const SETTINGS = 'input_format_try_infer_dates=0&input_format_try_infer_datetimes=0';

test('every text that fits goes in, as one block', async (context) => {
  const engine = await startEngine(context);
  await engine.run(CREATE);
  await engine.insertNative('documents (text, document)', twoColumns(JSON_COLUMN_FITTING), SETTINGS);
  assert.equal(await engine.run('SELECT count() FROM documents'), `${JSON_COLUMN_FITTING.length}\n`);
});

test(`of ${CASES} random texts all that fit go in, as one block (seed=${SEED})`, async (context) => {
  const engine = await startEngine(context);
  const texts = randomTexts().filter((text) => guard.fitsJsonColumn(text));
  assert.ok(texts.length > CASES / 10, `only ${texts.length} texts fit`);
  await engine.run(CREATE);
  await engine.insertNative('documents (text, document)', twoColumns(texts), SETTINGS);
  assert.equal(await engine.run('SELECT count() FROM documents'), `${texts.length}\n`);
});

function twoColumns(texts: readonly string[]): Buffer {
  return nativeBlock(texts.length, [stringColumn('text', texts), stringColumn('document', texts)]);
}

function randomTexts(): string[] {
  const { pick, below } = seededRandom(SEED);
  const keys = ['a', 'b', 'a.b', 'b.a', 'a.b.c', '', '.', 'é', '\\u0061', '\\u002e', '\\"', 'k'.repeat(50), '__proto__', '0', '\\u0000'];
  const numbers = [
    '0',
    '-0',
    '1',
    '-1.5',
    '1e3',
    '1E-3',
    '18446744073709551615',
    '18446744073709551616',
    '-9223372036854775808',
    '-9223372036854775809',
    '1e308',
    '1e309',
    '00',
    '1.',
    '123456789012345678901234.5',
  ];
  const texts = ['', 'x', '2024-01-01', '\\n', '\\ud83d\\ude00', '\\ud83d', '\\udc00', '😀', '\\/', '\u007f'];
  const value = (depth: number): string => {
    const kind = below(depth > 5 ? 3 : 6);
    if (kind === 0) return pick(numbers);
    if (kind === 1) return `"${pick(texts)}"`;
    if (kind === 2) return pick(['true', 'false', 'null']);
    if (kind === 3) return `[${Array.from({ length: below(4) }, () => value(depth + 1)).join(pick([',', ', ']))}]`;
    return object(depth + 1);
  };
  const object = (depth: number): string =>
    `{${Array.from({ length: below(4) }, () => `"${pick(keys)}"${pick([':', ' : '])}${value(depth)}`).join(',')}}`;
  return Array.from({ length: CASES }, () => object(1));
}

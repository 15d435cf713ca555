import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlatObjects } from '../../../../src/pipeline/worker/flat_object.ts';
import { JsonGuard } from '../../../../src/pipeline/worker/json_guard.ts';
import { isPlainDocument } from '../../../../src/pipeline/worker/plain_document.ts';
import { JSON_COLUMN_FITTING, JSON_COLUMN_REFUSED } from '../../../support/json_column_cases.ts';
import { seededRandom } from '../../../support/seeded_random.ts';

const SEED = 20_261_121;

const guard = new JsonGuard();

test('objects that ClickHouse takes fit', () => {
  for (const text of JSON_COLUMN_FITTING) assert.equal(guard.fitsJsonColumn(text), true, text.slice(0, 100));
});

test('what ClickHouse refuses, or is no JSON object, does not fit', () => {
  for (const text of JSON_COLUMN_REFUSED) assert.equal(guard.fitsJsonColumn(text), false, text.slice(0, 100));
});

/** What the guard says of a document, by the short cut where that says yes. */
function fitsAsDocument(text: string): boolean {
  const value: unknown = JSON.parse(text);
  return (
    typeof value === 'object' && value !== null && guard.fitsJsonColumnAsDocument({ text: () => text, value, bytes: Buffer.from(text) })
  );
}

test('the short cut for documents says yes only where the proper reader does', () => {
  const parsed = (text: string): boolean => {
    try {
      return JSON.parse(text) instanceof Object;
    } catch {
      return false;
    }
  };
  const is_deep = (text: string): boolean => text.includes('['.repeat(501));
  // No UTF-8 has a lone surrogate.
  for (const text of JSON_COLUMN_REFUSED.filter((each) => parsed(each) && !is_deep(each) && each.isWellFormed()))
    assert.equal(fitsAsDocument(text), false, text.slice(0, 100));
  for (const text of JSON_COLUMN_FITTING) assert.equal(fitsAsDocument(text), true, text.slice(0, 100));
  assert.equal(isPlainDocument(Buffer.from('{"a":[1,"x.y",{"b":null}],"c":"https://a.example/"}')), true);
  assert.equal(isPlainDocument(Buffer.from('{"a": {"b": "é\\n", "c": [-1.5, true]}, "c": {"b": 1}}')), true);
});

test('a document may have as many keys as ClickHouse merges well, and as many elements as it likes', () => {
  const object = (keys: number): object => Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, index]));
  const elements = Array.from({ length: 20_000 }, (_, index) => ({ a: index, b: { c: [{ d: 1 }] } }));
  assert.equal(fitsAsDocument(JSON.stringify({ elements })), true);
  assert.equal(fitsAsDocument(JSON.stringify(object(10_000))), true);
  assert.equal(fitsAsDocument(JSON.stringify(object(10_001))), false);
  assert.equal(fitsAsDocument(JSON.stringify({ a: [object(500), object(1_000)], b: 1 })), true);
  assert.equal(fitsAsDocument(JSON.stringify({ a: [object(500), object(1_001)], b: 1 })), false);
  assert.equal(guard.fitsJsonColumn(JSON.stringify(object(1_001))), false);
});

test('every proper prefix of an object is refused', () => {
  const whole = '{"a":[1,-2.5e+3,true,null,"\\u00e9\\n",{"b.c":{"d":"x"}}],"e":{}}';
  assert.equal(guard.fitsJsonColumn(whole), true);
  for (let length = 0; length < whole.length; length++)
    assert.equal(guard.fitsJsonColumn(whole.slice(0, length)), false, whole.slice(0, length));
});

test(`the short cut says yes only where the proper reader does, and takes the usual metadata (seed=${SEED})`, () => {
  const { pick, below } = seededRandom(SEED);
  const parts = [
    '{',
    '}',
    '"',
    '":',
    ',',
    '"a"',
    '"b"',
    '"a.b"',
    '1',
    '-0',
    '01',
    '1.5',
    '1.',
    '9'.repeat(16),
    'true',
    'fals',
    'null',
    '\\n',
    'é',
    '\ud800',
    ' ',
    '\u0007',
  ];
  const flat = new FlatObjects();
  let recognised = 0;
  for (let index = 0; index < 50_000; index++) {
    const pairs = Array.from(
      { length: 1 + below(3) },
      () => `"${pick(['a', 'b', 'c', 'é', 'a.b', ''])}":${pick(['1', '"x"', 'null', '-1.25', '"é"', '{}', '00'])}`,
    );
    const whole = `{${pairs.join(',')}}`;
    const cut = below(whole.length);
    const text = below(3) === 0 ? whole.slice(0, cut) + pick(parts) + whole.slice(cut + below(2)) : whole;
    if (!flat.recognises(text)) continue;
    recognised++;
    assert.equal(guard.fitsJsonColumnRead(text), true, text);
  }
  assert.ok(recognised > 5_000, `only ${recognised} were recognised`);
  for (const usual of [
    '{"download_ms":8200,"retried":false}',
    '{"prev_label":"1.2.0","first_render_ms":820}',
    '{"reason":"kill_switch","forced":true}',
  ]) {
    assert.equal(flat.recognises(usual), true);
  }
});

test(`the short cut for documents says yes to no text that the proper reader refuses (seed=${SEED})`, () => {
  const { pick, below } = seededRandom(SEED);
  const keys = ['a', 'b', 'c', 'é', 'a.b', '', 'a\\n', '\\u0061', 'ab', 'bC', 'aa'];
  const scalars = [
    '1',
    '"x"',
    'null',
    '-1.25',
    '"é.\\""',
    '1e400',
    '123456789012345678901',
    '0.12345678901234567',
    '"\\ud800"',
    'true',
    '-0',
  ];
  const space = (): string => pick(['', '', '', '', '', ' ', '\n']);
  const value = (depth: number): string => {
    const kind = depth > 3 ? 0 : below(4);
    if (kind < 2) return pick(scalars);
    const members = Array.from({ length: below(4) }, () => {
      const member = `${space()}${value(depth + 1)}${space()}`;
      return kind === 2 ? member : `${space()}"${pick(keys)}"${space()}:${member}`;
    });
    return kind === 2 ? `[${members.join(',')}]` : `{${members.join(',')}}`;
  };
  let recognised = 0;
  for (let index = 0; index < 50_000; index++) {
    const text = `{"a":${value(0)},"${pick(keys)}":${value(0)}}`;
    JSON.parse(text);
    if (!isPlainDocument(Buffer.from(text))) continue;
    recognised++;
    assert.equal(guard.fitsJsonColumnRead(text), true, text);
  }
  assert.ok(recognised > 5_000, `only ${recognised} were recognised`);
});

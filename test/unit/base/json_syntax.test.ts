import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import { isJson } from '../../../src/base/json_syntax.ts';
import { HostileBodies } from '../../support/hostile_bodies.ts';
import { JSON_COLUMN_FITTING, JSON_COLUMN_REFUSED } from '../../support/json_column_cases.ts';
import { seededRandom } from '../../support/seeded_random.ts';

const SEED = 20_261_121;
const BODIES = 3_000;

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('JSON is what JSON.parse takes', () => {
  const texts = [
    '1',
    '-1',
    '-',
    '',
    ' ',
    '"',
    '"\\u12',
    '[1,]',
    '[,1]',
    '{,}',
    '{"a"}',
    '{"a":}',
    '[1}',
    '{"a":1]',
    ']',
    '}',
    '1 2',
    'tru',
    '[true',
    '-0.5e+7',
    '1e',
    '[]]',
  ];
  for (const text of [...texts, ...JSON_COLUMN_FITTING, ...JSON_COLUMN_REFUSED.filter((each) => each.isWellFormed())]) {
    assert.equal(isJson(Buffer.from(text)), parses(text), text);
  }
});

test(`of ${BODIES} bodies, hostile and damaged, it says of each what JSON.parse says (seed=${SEED})`, () => {
  const bodies = new HostileBodies(seededRandom(SEED));
  for (let count = 0; count < BODIES; count++) {
    const body = bodies.next();
    if (isUtf8(body)) assert.equal(isJson(body), parses(body.toString()), body.toString());
  }
});

test('a million levels are one look at each byte', () => {
  const levels = 1_000_000;
  assert.ok(isJson(Buffer.from(`${'['.repeat(levels)}${']'.repeat(levels)}`)));
  assert.ok(!isJson(Buffer.from('[{"a":'.repeat(levels))));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitsJsonColumn } from '../../../../src/pipeline/worker/json_guard.ts';
import { JSON_COLUMN_FITTING, JSON_COLUMN_REFUSED } from '../../../support/json_column_cases.ts';

test('objects that ClickHouse takes fit', () => {
  for (const text of JSON_COLUMN_FITTING) assert.equal(fitsJsonColumn(text), true, text.slice(0, 100));
});

test('what ClickHouse refuses, or is no JSON object, does not fit', () => {
  for (const text of JSON_COLUMN_REFUSED) assert.equal(fitsJsonColumn(text), false, text.slice(0, 100));
});

test('every proper prefix of an object is refused', () => {
  const whole = '{"a":[1,-2.5e+3,true,null,"\\u00e9\\n",{"b.c":{"d":"x"}}],"e":{}}';
  assert.equal(fitsJsonColumn(whole), true);
  for (let length = 0; length < whole.length; length++) assert.equal(fitsJsonColumn(whole.slice(0, length)), false, whole.slice(0, length));
});

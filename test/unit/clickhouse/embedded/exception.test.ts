import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exception, fromEngine } from '../../../../src/clickhouse/embedded/exception.ts';

test("the engine's doubled frames are told once, with ClickHouse's status", () => {
  const doubled = new Error(
    'Code: 115. DB::Exception: Code: 115. DB::Exception: Unknown setting. (UNKNOWN_SETTING) (version 26.7.2.1). (UNKNOWN_SETTING)',
  );
  const told = fromEngine(doubled);
  assert.equal(told.body('26'), 'Code: 115. DB::Exception: Unknown setting. (UNKNOWN_SETTING) (version 26)\n');
  assert.deepEqual([told.code, told.status], [115, 404]);
});

test('our own exceptions have the form and the status of the engine', () => {
  const refused = exception('AUTHENTICATION_FAILED', 'no');
  assert.deepEqual([refused.message, refused.status], ['Code: 516. DB::Exception: no (AUTHENTICATION_FAILED)', 403]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyShared } from '../../../src/base/shared_copy.ts';

test('shared memory is copied exactly, at any alignment and length, and nothing around it is touched', () => {
  const source = Buffer.from(new SharedArrayBuffer(2048));
  for (let index = 0; index < source.length; index++) source[index] = 1 + (index % 255);
  for (const length of [0, 1, 7, 8, 191, 192, 193, 1000, 1031]) {
    for (const from of [0, 1, 3, 8]) {
      for (const at of [0, 1, 5, 8]) {
        const target = Buffer.from(new SharedArrayBuffer(1100));
        copyShared(target, at, source.subarray(from, from + length));
        const expected = Buffer.alloc(1100);
        source.copy(expected, at, from, from + length);
        assert.ok(target.equals(expected), `${length} bytes from ${from} to ${at}`);
      }
    }
  }
});

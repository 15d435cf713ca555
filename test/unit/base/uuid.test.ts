import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uuidText } from '../../../src/base/uuid.ts';

test('a UUID in four words reads as ClickHouse reads it: the high half first, each half little-endian', () => {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(0x0123456789abcdefn, 0);
  bytes.writeBigUInt64LE(0xfedcba9876543210n, 8);
  const words = Uint32Array.from({ length: 4 }, (_, index) => bytes.readUInt32LE(index * 4));
  assert.equal(uuidText(words), '01234567-89ab-cdef-fedc-ba9876543210');
  assert.equal(uuidText(new Uint32Array(4)), '00000000-0000-0000-0000-000000000000');
});

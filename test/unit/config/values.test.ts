import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsBytes, formatSize, parseSize, showValue } from '../../../src/config/values.ts';

test('a size is a number and a binary unit', () => {
  assert.equal(parseSize('64 MiB'), 64 * 1024 ** 2);
  assert.equal(parseSize('1.5GiB'), 1.5 * 1024 ** 3);
  assert.equal(parseSize('10 B'), 10);
  for (const text of ['', '64', '64 MB', '64 mib', '-1 KiB', '1e3 KiB', 'KiB']) assert.equal(parseSize(text), undefined, text);
});

test('a size is shown in the largest unit that divides it, and reads back as itself', () => {
  assert.equal(formatSize(64 * 1024 ** 2), '64 MiB');
  assert.equal(formatSize(1000), '1000 B');
  for (const size_bytes of [0, 1, 1023, 1024, 1025, 2048 * 1024 ** 4]) assert.equal(parseSize(formatSize(size_bytes)), size_bytes);
});

test('only settings that count bytes take sizes', () => {
  for (const path of ['spool.bytes_max', 'http.bytes_in_flight_max', 'workers.heap_bytes_max']) assert.ok(countsBytes(path));
  for (const path of ['spool.seal_rows_max', 'spool.seal_age_ms_max', 'http.port']) assert.ok(!countsBytes(path));
});

test('a long value is shown in part', () => {
  assert.equal(showValue('data_dir', 'x'.repeat(500)).length, 81);
  assert.equal(showValue('registry.url', 'postgres://u:p@h/d?password=p'), '"postgres://…@h/d?…"');
});

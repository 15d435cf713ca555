import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DictionaryColumn, TextColumn, TimeColumn, UuidColumn } from '../../../../src/pipeline/worker/columns.ts';

function bytesOf(column: TextColumn | DictionaryColumn | TimeColumn | UuidColumn): Buffer {
  const bytes = Buffer.alloc(column.describe().data_bytes);
  assert.equal(column.copyTo(bytes, 0), bytes.length);
  return bytes;
}

test('texts of every length and script are a varuint and their UTF-8', () => {
  for (const text of [
    '',
    'a',
    'é',
    '日本語',
    '😀',
    'x'.repeat(127),
    'x'.repeat(128),
    'é'.repeat(127),
    'é'.repeat(9000),
    'y'.repeat(70_000),
  ]) {
    const column = new TextColumn();
    column.append(text);
    const bytes = bytesOf(column);
    const utf8 = Buffer.from(text);
    assert.deepEqual(bytes.subarray(bytes.length - utf8.length), utf8);
    const length_bytes = utf8.length < 128 ? 1 : utf8.length < 16384 ? 2 : 3;
    assert.equal(bytes.length, length_bytes + utf8.length);
  }
});

test('a lone surrogate becomes the replacement character', () => {
  const column = new TextColumn();
  column.append('a\ud800b');
  assert.equal(bytesOf(column).toString('utf8', 1), 'a\ufffdb');
});

test('a dictionary has each text once and an index as narrow as it can be', () => {
  for (const [entries, width] of [
    [1, 1],
    [256, 1],
    [257, 2],
    [65_536, 2],
    [65_537, 4],
  ]) {
    const column = new DictionaryColumn();
    for (let row = 0; row < entries * 2; row++) column.append(`value ${row % entries}`);
    const { dictionary_entries, dictionary_bytes, index_width_bytes } = column.describe();
    assert.deepEqual({ dictionary_entries, index_width_bytes }, { dictionary_entries: entries, index_width_bytes: width });
    const last_index = bytesOf(column).readUIntLE(dictionary_bytes + (entries * 2 - 1) * width, width);
    assert.equal(last_index, entries - 1);
  }
});

test('texts that differ only in lone surrogates share an entry, since their bytes are equal', () => {
  const column = new DictionaryColumn();
  column.append('\ud800');
  column.append('\udc00');
  column.append('\ufffd');
  assert.equal(column.describe().dictionary_entries, 1);
});

test('times are Int64 milliseconds, also beyond 32 bits', () => {
  const column = new TimeColumn();
  const times_ms = Array.from({ length: 3000 }, (_, row) => Date.UTC(2026, 0, 1) + row * 86_400_000);
  for (const time_ms of times_ms) column.append(time_ms);
  const bytes = bytesOf(column);
  assert.deepEqual(
    times_ms.map((_, row) => Number(bytes.readBigInt64LE(row * 8))),
    times_ms,
  );
});

test('a writer that was reset starts again from nothing', () => {
  const column = new DictionaryColumn();
  column.append('before');
  column.reset();
  column.append('after');
  assert.equal(bytesOf(column).toString('utf8', 1, 6), 'after');
  const uuids = new UuidColumn();
  uuids.append(Uint32Array.of(1, 2, 3, 4));
  uuids.reset();
  uuids.append(Uint32Array.of(5, 6, 7, 8));
  assert.deepEqual(bytesOf(uuids), Buffer.from(Uint32Array.of(5, 6, 7, 8).buffer));
});

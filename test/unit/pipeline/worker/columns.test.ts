import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BlockColumn } from '../../../../src/contract/block.ts';
import { Kernel } from '../../../../src/kernel/kernel.ts';
import { TextColumn, TimeColumn, UuidColumn } from '../../../../src/pipeline/worker/columns.ts';

/** A kernel with one column that is empty. */
function createColumn(kind: 'text' | 'dictionary' | 'fixed'): { kernel: Kernel; number: number } {
  const kernel = new Kernel();
  const number = kernel.columns.create(kind);
  assert.ok(kernel.load(Buffer.alloc(0)));
  return { kernel, number };
}

function textColumn(kind: 'text' | 'dictionary'): { column: TextColumn; kernel: Kernel } {
  const { kernel, number } = createColumn(kind);
  return { column: new TextColumn(kernel.columns, number), kernel };
}

function finish(kernel: Kernel): { bytes: Buffer; description: BlockColumn } {
  assert.equal(kernel.columns.isExhausted(), false);
  const data = kernel.columns.finish(0, 1);
  assert.ok(data);
  const bytes = Buffer.alloc(data.bytes);
  data.copyTo(bytes, 0);
  const [description] = data.columns;
  return { bytes, description };
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
    const { column, kernel } = textColumn('text');
    column.append(text);
    const { bytes } = finish(kernel);
    const utf8 = Buffer.from(text);
    assert.deepEqual(bytes.subarray(bytes.length - utf8.length), utf8);
    const length_bytes = utf8.length < 128 ? 1 : utf8.length < 16384 ? 2 : 3;
    assert.equal(bytes.length, length_bytes + utf8.length);
  }
});

test('a lone surrogate becomes the replacement character', () => {
  const { column, kernel } = textColumn('text');
  column.append('a\ud800b');
  assert.equal(finish(kernel).bytes.toString('utf8', 1), 'a\ufffdb');
});

test('a dictionary has each text once and an index as narrow as it can be', () => {
  for (const [entries, width] of [
    [1, 1],
    [256, 1],
    [257, 2],
    [65_536, 2],
    [65_537, 4],
  ]) {
    const { column, kernel } = textColumn('dictionary');
    for (let row = 0; row < entries * 2; row++) column.append(`value ${row % entries}`);
    const { bytes, description } = finish(kernel);
    const { dictionary_entries, dictionary_bytes, index_width_bytes } = description;
    assert.deepEqual({ dictionary_entries, index_width_bytes }, { dictionary_entries: entries, index_width_bytes: width });
    const last_index = bytes.readUIntLE(dictionary_bytes + (entries * 2 - 1) * width, width);
    assert.equal(last_index, entries - 1);
  }
});

test('texts that differ only in lone surrogates share an entry, since their bytes are equal', () => {
  const { column, kernel } = textColumn('dictionary');
  column.append('\ud800');
  column.append('\udc00');
  column.append('\ufffd');
  assert.equal(finish(kernel).description.dictionary_entries, 1);
});

test('times are Int64 milliseconds, also beyond 32 bits', () => {
  const { kernel, number } = createColumn('fixed');
  const column = new TimeColumn(kernel.columns, number);
  const times_ms = Array.from({ length: 3000 }, (_, row) => Date.UTC(2026, 0, 1) + row * 86_400_000);
  for (const time_ms of times_ms) column.append(time_ms);
  const { bytes } = finish(kernel);
  assert.deepEqual(
    times_ms.map((_, row) => Number(bytes.readBigInt64LE(row * 8))),
    times_ms,
  );
});

test('a UUID is its four words', () => {
  const { kernel, number } = createColumn('fixed');
  new UuidColumn(kernel.columns, number).append(Uint32Array.of(5, 6, 7, 8));
  assert.deepEqual(finish(kernel).bytes, Buffer.from(Uint32Array.of(5, 6, 7, 8).buffer));
});

test('what came since a request began can be taken back, from a dictionary too', () => {
  const { column, kernel } = textColumn('dictionary');
  const begin = (): boolean =>
    kernel.bodies.beginRequest({ texts: [], seed: new Uint32Array(4), name_seed: new Uint32Array(4), received_at_ms: 0 }, 0);
  const kept = Array.from({ length: 50 }, (_, index) => `kept ${index}`);
  for (const text of kept) column.append(text);
  assert.ok(begin());
  for (let index = 0; index < 500; index++) column.append(`taken back ${index}`);
  kernel.columns.rollBack();
  for (const text of [...kept, 'taken back 7', 'new']) column.append(text);
  const { bytes, description } = finish(kernel);
  assert.equal(description.dictionary_entries, kept.length + 2);
  const indexes = [...bytes.subarray(description.dictionary_bytes)];
  assert.deepEqual(indexes, [...kept.keys(), ...kept.keys(), kept.length, kept.length + 1]);
});

test('a slab begins with empty columns', () => {
  const { column, kernel } = textColumn('dictionary');
  column.append('before');
  assert.ok(kernel.load(Buffer.alloc(10)));
  column.append('after');
  assert.equal(finish(kernel).bytes.toString('utf8', 1, 6), 'after');
});

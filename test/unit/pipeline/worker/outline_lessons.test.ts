import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutlineLessons } from '../../../../src/pipeline/worker/outline_lessons.ts';

/** So long that most of its bytes are not looked at, and different in one of them. */
function outline(index: number): Buffer {
  const bytes = Buffer.alloc(1000, 'a');
  bytes.writeUInt32LE(index, 500);
  return bytes;
}

test('an outline is found by all of its bytes, however alike others are', () => {
  const lessons = new OutlineLessons<number>(64);
  for (let index = 0; index < 64; index++) {
    assert.equal(lessons.find(outline(index)), undefined);
    lessons.add(outline(index), index);
  }
  for (let index = 0; index < 64; index++) assert.equal(lessons.find(outline(index)), index);
  assert.equal(lessons.find(outline(0).subarray(0, 999)), undefined);
});

test('of more than there is room for the oldest is forgotten', () => {
  const lessons = new OutlineLessons<number>(3);
  for (let index = 0; index < 5; index++) lessons.add(outline(index), index);
  const found = [0, 1, 2, 3, 4].map((index) => lessons.find(outline(index)));
  assert.deepEqual(found, [undefined, undefined, 2, 3, 4]);
});

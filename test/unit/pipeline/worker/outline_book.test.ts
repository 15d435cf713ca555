import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kernel } from '../../../../src/kernel/kernel.ts';
import { KernelOutlineBook } from '../../../../src/pipeline/worker/outline_book.ts';

const WORDS = ['open', 'closed'];

interface Lesson {
  readonly name: string | number;
  readonly state: string | number;
  readonly inner: number | undefined;
}

/** A book with the bodies of one slab before it, each of which is asked for by its position. */
function open(bodies: readonly string[], has_words = true) {
  const kernel = new Kernel();
  const book = new KernelOutlineBook<Lesson>(kernel, has_words ? WORDS : undefined);
  const slab = Buffer.concat(bodies.map((body) => Buffer.from(body)));
  kernel.load(slab);
  book.begin(slab);
  const place = (index: number) => ({
    offset: bodies.slice(0, index).reduce((sum, body) => sum + Buffer.byteLength(body), 0),
    length: Buffer.byteLength(bodies[index]),
  });
  const learn = (): void =>
    book.learn(({ value, textOf, branchOf }) => ({
      name: textOf(String(value['name'])),
      state: textOf(String(value['state'])),
      inner: branchOf('inner'),
    }));
  return { book, learn, find: (index: number) => book.find(place(index)) };
}

test('what is learned of one body is known of all with its outline, with their own texts', () => {
  const { book, learn, find } = open([
    '{"name":"é","state":"open","inner":{"n":1}}',
    ' { "name" : "b\\n\\u00e9" , "state":"open","inner" : {"n": -2.5 } } ',
  ]);
  assert.equal(find(0), undefined);
  learn();
  const lesson = find(1);
  assert.ok(lesson !== undefined);
  assert.equal(book.text(lesson.name), 'b\né');
  assert.equal(lesson.state, 'open');
  assert.equal(Buffer.from(book.branchBytes(lesson.inner ?? -1)).toString(), '{"n": -2.5 }');
});

test('another word, key, kind or order of values is another outline', () => {
  const others = [
    '{"name":"a","state":"closed","inner":{"n":1}}',
    '{"name":"a","state":"other","inner":{"n":1}}',
    '{"name":"open","state":"open","inner":{"n":1}}',
    '{"name":"","state":"open","inner":{"n":1}}',
    '{"name":1,"state":"open","inner":{"n":1}}',
    '{"name":"a","state":"open","inner":{"n":true}}',
    '{"name":"a","state":"open","inner":{"m":1}}',
    '{"name":"a","state":"open","inner":[{"n":1}]}',
    '{"state":"open","name":"a","inner":{"n":1}}',
    '{"name":"a","state":"open","inner":{"n":1},"more":1}',
  ];
  const { learn, find } = open(['{"name":"a","state":"open","inner":{"n":1}}', ...others]);
  find(0);
  learn();
  for (const index of others.keys()) assert.equal(find(index + 1), undefined, others[index]);
});

test('a body that is not certain to be JSON, or to fit into the JSON column, has no outline to learn of', () => {
  const doubtful = [
    '{"a":1e400}',
    '{"a":1234567890123456789}',
    '{"a":"\\ud800"}',
    '{"\\u0061":1}',
    '{"a":1',
    '{"a":tru}',
    '{"a":"\n"}',
    '[]',
  ];
  const { learn, find } = open(doubtful);
  for (const index of doubtful.keys()) {
    find(index);
    learn();
    assert.equal(find(index), undefined, doubtful[index]);
  }
});

test('a body that is not UTF-8 is not known, though its outline is', () => {
  const kernel = new Kernel();
  const book = new KernelOutlineBook<number>(kernel, WORDS);
  const slab = Buffer.from('{"a":"x"}{"a":"\xff"}', 'latin1');
  kernel.load(slab);
  book.begin(slab);
  book.find({ offset: 0, length: 9 });
  book.learn(() => 1);
  assert.equal(book.find({ offset: 0, length: 9 }), 1);
  assert.equal(book.find({ offset: 9, length: 9 }), undefined);
});

test('of the members of one name the last is meant', () => {
  const { book, learn, find } = open(['{"name":"a","inner":{"n":1},"name":"b","inner":[2]}']);
  find(0);
  learn();
  const lesson = find(0);
  assert.equal(book.text(lesson?.name ?? ''), 'b');
  assert.equal(Buffer.from(book.branchBytes(lesson?.inner ?? -1)).toString(), '[2]');
});

test('without words nothing is learned, and from one slab no more than eight outlines', () => {
  const bodies = Array.from({ length: 10 }, (_, index) => `{"key${index}":1}`);
  const counts = [false, true].map((has_words) => {
    const { learn, find } = open(bodies, has_words);
    for (const index of bodies.keys()) {
      find(index);
      learn();
    }
    return bodies.filter((_, index) => find(index) !== undefined).length;
  });
  assert.deepEqual(counts, [0, 8]);
});
